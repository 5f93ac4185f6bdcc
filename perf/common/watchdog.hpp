// Ends a process in which nothing ends. The library has deadlines of its own; this one is for when they fail.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

namespace stretto::perf {

class Watchdog {
 public:
  /// @param timeout_s 0: never. @param text printed before the process ends with `exit_code`.
  Watchdog(int timeout_s, std::string text, int exit_code);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  /// Something ended. Any thread, at no cost worth timing.
  void feed() noexcept { meals_.fetch_add(1, std::memory_order_relaxed); }

 private:
  void watch(int timeout_s);

  std::string text_;
  int exit_code_;
  std::atomic<std::uint64_t> meals_{0};
  std::mutex mutex_;
  std::condition_variable stop_changed_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace stretto::perf
