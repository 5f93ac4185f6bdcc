#include "perf/common/watchdog.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace stretto::perf {
namespace {

/// After the library's own deadline a rank takes up to a second to find out whom to name, and some time to end.
constexpr std::chrono::milliseconds kForTheLibrary{3000};

}  // namespace

Watchdog::Watchdog(int timeout_s, std::string text, int exit_code) : text_(std::move(text)), exit_code_(exit_code) {
  if (timeout_s > 0) thread_ = std::thread([this, timeout_s] { watch(timeout_s); });
}

Watchdog::~Watchdog() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stop_changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Watchdog::watch(int timeout_s) {
  std::unique_lock lock(mutex_);
  std::uint64_t seen = meals_.load(std::memory_order_relaxed);
  while (!stop_changed_.wait_for(lock, std::chrono::seconds(timeout_s) + kForTheLibrary, [this] { return stop_; })) {
    const std::uint64_t now = meals_.load(std::memory_order_relaxed);
    if (now == seen) {
      std::fprintf(stderr, "%s\n", text_.c_str());
      std::fflush(nullptr);
      _exit(exit_code_);
    }
    seen = now;
  }
}

}  // namespace stretto::perf
