// A stream of host communicators: tasks that one thread of its own runs one after another, in the order of their issue.
// A thread with nothing to do sleeps in the kernel. The thread ends with the stream; at the end of the process streams
// that still live run through what they have without doing it, so that no thread touches memory that is going.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "base/error.hpp"

namespace stretto {

class StreamTask {
 public:
  virtual ~StreamTask() = default;
  /// In the stream's thread. When `ending` is or becomes true, it is to come back soon.
  virtual std::optional<ErrorInfo> run(const std::atomic<bool>& ending) = 0;
};

class HostStream {
 public:
  /// Throws Error if no thread can be started.
  static std::shared_ptr<HostStream> make();
  ~HostStream();
  HostStream(const HostStream&) = delete;
  HostStream& operator=(const HostStream&) = delete;

  /// Any thread. False: the stream is being destroyed, and the task was not taken.
  bool enqueue(std::unique_ptr<StreamTask> task);
  /// Waits until all that was enqueued before has ended; the first error since the last call.
  std::optional<ErrorInfo> synchronize();
  /// strettoInProgress, or the first error, or nothing. Forgets nothing.
  std::optional<ErrorInfo> query() const;
  /// Completes what was enqueued, and ends the thread. Once, and not in the stream's own thread.
  void close();

  /// Whether the calling thread is some stream's: then a host function is running.
  static bool in_stream_thread() noexcept;

 private:
  HostStream() = default;
  static void stop_all();
  void begin_stop();
  void stop();
  void loop();
  std::unique_ptr<StreamTask> next();
  void ended(std::optional<ErrorInfo> error);

  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::condition_variable done_;
  std::deque<std::unique_ptr<StreamTask>> tasks_;
  std::uint64_t n_ended_ = 0;
  std::atomic<std::uint64_t> n_enqueued_{0};  ///< written with the lock held; the idle thread looks for a moment
  std::atomic<bool> closing_{false};
  std::atomic<bool> ending_{false};  ///< the process is
  bool gone_ = false;
  std::optional<ErrorInfo> first_error_;
  std::thread thread_;
};

}  // namespace stretto
