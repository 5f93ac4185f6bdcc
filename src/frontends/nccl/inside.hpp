// Which communicator each thread is inside a call on. NCCL's abort frees the communicator, from any thread, although
// another one may be inside a call: whoever leaves last frees it then.
//
// Memory order: a thread stores into its own slot only, with release; who frees has aborted the communicator before, so
// that those inside leave soon. A thread that enters at the very moment of the abort uses a handle that its program
// frees meanwhile, with NCCL's library too. What is retired just as the last thread leaves may be missed by both; then
// the next call of any thread frees it.
#pragma once

#include <atomic>

#include "frontends/nccl/include/nccl.h"

namespace stretto::nccl {

/// The slot of this thread; made at its first call.
struct Slot {
  std::atomic<const void*> comm{nullptr};
};
extern constinit thread_local Slot* slot_of_thread;
Slot* make_slot();
/// Communicators that wait for their last user.
extern std::atomic<int> n_retired;
/// Frees those that nobody is inside of.
void free_retired() noexcept;
/// An aborted one: frees it as soon as nobody is inside.
void retire(ncclComm_t comm);

class Inside {
 public:
  explicit Inside(const void* comm) : slot_(slot_of_thread != nullptr ? slot_of_thread : make_slot()) {
    slot_->comm.store(comm, std::memory_order_release);
  }
  ~Inside() {
    slot_->comm.store(nullptr, std::memory_order_release);
    if (__builtin_expect(n_retired.load(std::memory_order_relaxed) != 0, 0)) free_retired();
  }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

  /// A call on communicators that are not told apart: none is freed meanwhile.
  static const void* any() noexcept { return &n_retired; }

 private:
  Slot* const slot_;
};

}  // namespace stretto::nccl
