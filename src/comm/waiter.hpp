// How the thread that runs an operation passes the time while it waits for others: spinning first, since most waits
// are short; then letting others have the core; then sleeping, since a long wait may be very long.
#pragma once

#include <sched.h>
#include <time.h>

#include <cstdint>

namespace stretto {

inline void cpu_relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

class Waiter {
 public:
  /// @param spin_polls polls before the core is offered to others
  explicit Waiter(std::uint32_t spin_polls) : spin_polls_(spin_polls) {}

  /// Passes a moment. True every now and then: time for checks that cost something (the clock).
  bool pause() noexcept {
    ++polls_;
    if (polls_ <= kEagerPolls) return false;
    if (polls_ <= spin_polls_) {
      cpu_relax();
    } else if (polls_ <= spin_polls_ + kYields) {
      sched_yield();
    } else {
      const timespec nap{0, polls_ <= spin_polls_ + kYields + kShortNaps ? 50'000 : 500'000};
      nanosleep(&nap, nullptr);
    }
    return polls_ > spin_polls_ + kYields || polls_ % kPollsPerCheck == 0;
  }

 private:
  static constexpr std::uint32_t kEagerPolls = 64;  ///< a pause takes longer than a cache line's way
  static constexpr std::uint32_t kPollsPerCheck = 256;
  static constexpr std::uint32_t kYields = 20'000;  ///< some ten milliseconds
  static constexpr std::uint32_t kShortNaps = 2'000;

  std::uint32_t spin_polls_;
  std::uint64_t polls_ = 0;
};

}  // namespace stretto
