// The order of one communicator's operations: they run one after another, as they were issued, in whichever thread.
//
// A calling thread that runs an operation itself enters for as long as the call lasts, waits until all that was issued
// before has ended, and takes no ticket: nothing can be issued meanwhile, so nobody ever waits for it. What is issued
// to a stream takes a ticket on entering, and its worker waits until that is due. So the way without streams is two
// loads, and only tickets, of which a thread waits for each, take the lock when they end.
//
// Memory order: who ends a ticket stores `ended_` with release, and who sees its turn loaded it with acquire; who
// leaves stores `entered_` with release, and who enters next exchanges it with acquire. So each operation sees all that
// the one before it did to the engine.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace stretto {

class Turns {
 public:
  using Ticket = std::uint64_t;

  /// The right to issue. False: another thread has it.
  bool try_enter() noexcept { return !entered_.exchange(true, std::memory_order_acquire); }
  void leave() noexcept { entered_.store(false, std::memory_order_release); }

  /// The next ticket; for whoever entered.
  Ticket next() const noexcept { return issued_.load(std::memory_order_relaxed); }
  Ticket take() noexcept {
    const Ticket ticket = next();
    issued_.store(ticket + 1, std::memory_order_relaxed);
    return ticket;
  }
  /// For whoever took the last one and has not left: it was not used.
  void give_back() noexcept { issued_.store(next() - 1, std::memory_order_relaxed); }
  /// Whether all before this ticket have ended.
  bool due(Ticket ticket) const noexcept { return ended_.load(std::memory_order_acquire) == ticket; }
  std::uint64_t ended() const noexcept { return ended_.load(std::memory_order_relaxed); }

  /// A ticket has ended. Only those of a faulted communicator, which touch nothing any more, end before they are due.
  void end() {
    const std::lock_guard lock(mutex_);
    ended_.fetch_add(1, std::memory_order_release);
    changed_.notify_all();
  }
  /// Has those look again who wait: there is a fault.
  void wake() {
    const std::lock_guard lock(mutex_);
    changed_.notify_all();
  }
  /// Sleeps until `ready` or for at most `slice_ns`; returns what `ready` said last. The lock is taken in any case: who
  /// has seen the last ticket end here may destroy this object.
  template <typename Ready>
  bool wait(Ready&& ready, std::int64_t slice_ns) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::nanoseconds(slice_ns), ready);
  }

 private:
  std::atomic<bool> entered_{false};
  std::atomic<std::uint64_t> issued_{0};  ///< written by whoever entered
  std::atomic<std::uint64_t> ended_{0};
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace stretto
