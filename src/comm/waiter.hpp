// How the thread that runs an operation passes the time while it waits for others: spinning first, since most waits
// are short; then letting others have the core; then sleeping, since a long wait may be very long.
//
// A core is given up in one of two ways. sched_yield comes back at once when only other waiting ranks share the core,
// but where busy strangers do, it gives them a whole time slice (milliseconds). A short sleep costs some tens of
// microseconds, after which the scheduler favours the sleeper. So yields are timed: one that took long is a sign of
// strangers, and this and the next waits sleep instead.
#pragma once

#include <sched.h>
#include <time.h>

#include <cstdint>

namespace stretto {

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();  // others have no such word without assembly, and do without
#endif
}

class Waiter {
 public:
  /// @param spin_polls polls before the core is offered to others
  explicit Waiter(std::uint32_t spin_polls) : spin_polls_(spin_polls) {}

  /// A new wait begins.
  void begin() noexcept {
    polls_ = 0;
    if (crowded_waits_ > 0) --crowded_waits_;
  }

  /// What was waited for came, and something else is waited for now.
  void progressed() noexcept { polls_ = 0; }

  /// Passes a moment. True every now and then: time for checks that cost something (the clock).
  bool pause() noexcept {
    ++polls_;
    if (polls_ <= kEagerPolls) return false;
    if (polls_ <= spin_polls_) {
      cpu_relax();
      return polls_ % kPollsPerCheck == 0;
    }
    const std::uint64_t given_up = polls_ - spin_polls_;
    if (crowded_waits_ > 0 || given_up > kYields) {
      nap(given_up > kYields + kShortNaps ? kLongNapNs : kShortNapNs);
      return true;
    }
    yield();
    return polls_ % kPollsPerCheck == 0;
  }

 private:
  static constexpr std::uint32_t kEagerPolls = 64;  ///< a pause takes longer than a cache line's way
  static constexpr std::uint32_t kPollsPerCheck = 256;
  static constexpr std::uint32_t kYields = 20'000;  ///< some ten milliseconds
  static constexpr std::uint32_t kShortNaps = 2'000;
  static constexpr long kShortNapNs = 20'000;
  static constexpr long kLongNapNs = 500'000;
  static constexpr std::int64_t kLongYieldNs = 1'000'000;
  static constexpr std::uint32_t kCrowdedWaits = 500;

  static std::int64_t now_ns() noexcept {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
  }
  static void nap(long ns) noexcept {
    const timespec time{0, ns};
    nanosleep(&time, nullptr);
  }
  void yield() noexcept {
    const std::int64_t start_ns = now_ns();
    sched_yield();
    if (now_ns() - start_ns > kLongYieldNs) crowded_waits_ = kCrowdedWaits;
  }

  std::uint32_t spin_polls_;
  std::uint32_t crowded_waits_ = 0;  ///< waits that are still to sleep rather than to yield
  std::uint64_t polls_ = 0;
};

}  // namespace stretto
