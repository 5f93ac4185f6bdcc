// The first fault of a communicator: set once, by whoever is first; read from any thread.
#pragma once

#include <atomic>
#include <mutex>

#include "base/error.hpp"

namespace stretto {

class FaultSlot {
 public:
  /// True if this was the first.
  bool set(const ErrorInfo& fault) {
    const std::lock_guard lock(mutex_);
    if (is_set_.load(std::memory_order_relaxed)) return false;
    fault_ = fault;
    is_set_.store(true, std::memory_order_release);  // publishes fault_, which never changes again
    return true;
  }
  /// nullptr: none. One load: the executor's loop asks every time round.
  const ErrorInfo* get() const { return is_set_.load(std::memory_order_acquire) ? &fault_ : nullptr; }

 private:
  std::mutex mutex_;
  std::atomic<bool> is_set_{false};
  ErrorInfo fault_;
};

}  // namespace stretto
