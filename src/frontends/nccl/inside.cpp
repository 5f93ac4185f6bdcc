#include "frontends/nccl/inside.hpp"

#include <pthread.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "base/fork.hpp"
#include "frontends/nccl/background.hpp"
#include "stretto/stretto.h"

namespace stretto::nccl {
namespace {

/// All slots, and what is retired. Never destroyed: threads may end after static objects. A child has its own.
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
PerProcess<Users> users_of_process;
Users& users() { return users_of_process.get(); }

/// In a forked child, whose one thread is in no call, and whose parent's communicators are none of its own.
void begin_anew() {
  slot_of_thread = nullptr;
  n_retired.store(0, std::memory_order_relaxed);
  n_in_background.store(0, std::memory_order_relaxed);
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
  [[maybe_unused]] static const int handled = pthread_atfork(nullptr, nullptr, &begin_anew);
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
