#include "frontends/nccl/inside.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "stretto/stretto.h"

namespace stretto::nccl {
namespace {

/// All slots, and what is retired. Never destroyed: threads may end after static objects.
struct Users {
  std::mutex mutex;
  std::vector<std::unique_ptr<Slot>> slots;
  std::vector<ncclComm_t> retired;

  bool is_used(ncclComm_t comm) const {
    return std::ranges::any_of(slots, [&](const std::unique_ptr<Slot>& slot) {
      const void* const inside = slot->comm.load(std::memory_order_acquire);
      return inside == comm || inside == Inside::any();
    });
  }
};
Users& users() {
  static auto* const all = new Users;
  return *all;
}

/// Takes the slot off the list when its thread ends.
struct EndOfThread {
  ~EndOfThread() {
    const std::lock_guard lock(users().mutex);
    std::erase_if(users().slots, [](const std::unique_ptr<Slot>& slot) { return slot.get() == slot_of_thread; });
    slot_of_thread = nullptr;
  }
};

}  // namespace

constinit thread_local Slot* slot_of_thread = nullptr;
std::atomic<int> n_retired{0};

Slot* make_slot() {
  static thread_local const EndOfThread end;
  static_cast<void>(end);
  auto slot = std::make_unique<Slot>();
  slot_of_thread = slot.get();
  const std::lock_guard lock(users().mutex);
  users().slots.push_back(std::move(slot));
  return slot_of_thread;
}

void free_retired() noexcept {
  std::vector<ncclComm_t> unused;
  {
    const std::lock_guard lock(users().mutex);
    std::vector<ncclComm_t>& retired = users().retired;
    const auto first = std::partition(retired.begin(), retired.end(), [](ncclComm_t c) { return users().is_used(c); });
    unused.assign(first, retired.end());
    retired.erase(first, retired.end());
    n_retired.store(static_cast<int>(retired.size()), std::memory_order_relaxed);
  }
  for (ncclComm_t const comm : unused) strettoCommDestroy(reinterpret_cast<strettoComm_t>(comm));
}

void retire(ncclComm_t comm) {
  {
    const std::lock_guard lock(users().mutex);
    users().retired.push_back(comm);
    n_retired.store(static_cast<int>(users().retired.size()), std::memory_order_relaxed);
  }
  free_retired();
}

}  // namespace stretto::nccl
