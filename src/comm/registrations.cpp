#include "comm/registrations.hpp"

#include <atomic>

namespace stretto {
namespace {

std::atomic<std::uintptr_t> handles_given{0};

}  // namespace

Registrations::Handle Registrations::add(const void* buffer, std::size_t bytes) {
  const std::uintptr_t number = handles_given.fetch_add(1, std::memory_order_relaxed) + 1;
  const auto handle = reinterpret_cast<Handle>(number);  // NOLINT(performance-no-int-to-ptr): never followed
  const std::lock_guard lock(mutex_);
  live_.emplace(handle, Range{buffer, bytes});
  return handle;
}

bool Registrations::remove(Handle handle) {
  const std::lock_guard lock(mutex_);
  return live_.erase(handle) != 0;
}

}  // namespace stretto
