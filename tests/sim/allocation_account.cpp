#include "sim/allocation_account.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

namespace stretto::sim {
namespace {

thread_local AllocationAccount* charged = nullptr;

struct alignas(std::max_align_t) Header {
  AllocationAccount* account;
  std::size_t bytes;
};

}  // namespace

Charge::Charge(AllocationAccount* account) : before_(std::exchange(charged, account)) {}
Charge::~Charge() { charged = before_; }

static void* allocate(std::size_t bytes) {
  void* const place = std::malloc(sizeof(Header) + bytes);
  if (place == nullptr) throw std::bad_alloc();
  auto* const header = new (place) Header{charged, bytes};
  if (charged != nullptr) {
    charged->bytes += static_cast<std::int64_t>(bytes);
    charged->most_bytes = std::max(charged->most_bytes, charged->bytes);
  }
  return header + 1;
}

static void release(void* data) {
  if (data == nullptr) return;
  Header* const header = static_cast<Header*>(data) - 1;
  if (header->account != nullptr) header->account->bytes -= static_cast<std::int64_t>(header->bytes);
  std::free(header);
}

}  // namespace stretto::sim

void* operator new(std::size_t bytes) { return stretto::sim::allocate(bytes); }
void* operator new[](std::size_t bytes) { return stretto::sim::allocate(bytes); }
void operator delete(void* data) noexcept { stretto::sim::release(data); }
void operator delete[](void* data) noexcept { stretto::sim::release(data); }
void operator delete(void* data, std::size_t) noexcept { stretto::sim::release(data); }
void operator delete[](void* data, std::size_t) noexcept { stretto::sim::release(data); }
