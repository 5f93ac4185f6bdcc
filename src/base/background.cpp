#include "base/background.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "base/fork.hpp"
#include "base/thread_start.hpp"

namespace stretto {
namespace {

/// At the end of the process, and when the library is unloaded, for what is not done yet.
constexpr std::int64_t kEndNs = 2'000'000'000;

class Background {
 public:
  static Background& of_process() {
    static PerProcess<Background> background;
    struct Stopper {
      ~Stopper() {
        if (Background* const made = background.get_if_made(); made != nullptr) made->stop();
      }
    };
    static const Stopper at_exit;
    return background.get();
  }

  void add(std::function<void()> action) {
    std::unique_lock lock(mutex_);
    if (stopped_ || !ensure_thread()) {
      lock.unlock();
      action();
      return;
    }
    actions_.push_back(std::move(action));
  }

  bool wait(std::int64_t timeout_ns) {
    std::unique_lock lock(mutex_);
    return ended_.wait_for(lock, std::chrono::nanoseconds(timeout_ns), [this] { return !running_; });
  }

 private:
  /// It ends when nothing is left, so that no thread outlives what it works for.
  bool ensure_thread() {
    if (running_) return true;
    if (thread_.joinable()) thread_.join();  // has ended, or is about to without the lock
    try {
      thread_ = start_thread("stretto-release", [this] { loop(); });
    } catch (const Error&) {
      return false;
    }
    running_ = true;  // the thread itself waits for the lock that is held here
    return true;
  }

  void loop() {
    std::unique_lock lock(mutex_);
    for (; !actions_.empty(); actions_.pop_front()) {
      const std::function<void()> action = std::move(actions_.front());
      lock.unlock();
      action();
      lock.lock();
    }
    running_ = false;
    ended_.notify_all();
  }

  /// A thread that does not end in time is left to the end of the process.
  void stop() {
    std::unique_lock lock(mutex_);
    const bool done = ended_.wait_for(lock, std::chrono::nanoseconds(kEndNs), [this] { return !running_; });
    stopped_ = true;
    if (!thread_.joinable()) return;
    if (done) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  std::mutex mutex_;
  std::condition_variable ended_;
  std::deque<std::function<void()>> actions_;
  std::thread thread_;
  bool running_ = false;
  bool stopped_ = false;
};

}  // namespace

void do_in_background(std::function<void()> action) { Background::of_process().add(std::move(action)); }

bool wait_for_background(std::int64_t timeout_ns) { return Background::of_process().wait(timeout_ns); }

}  // namespace stretto
