#include "comm/host_stream.hpp"

#include <chrono>
#include <exception>
#include <utility>

#include "base/text.hpp"
#include "base/thread_start.hpp"
#include "comm/live_handles.hpp"
#include "comm/waiter.hpp"

namespace stretto {
namespace {

/// How long an idle thread looks for work before it sleeps: what follows at once on what has ended starts quickly.
constexpr int kIdlePolls = 300;
/// How long the end of the process waits for a stream's thread that a host function holds up.
constexpr std::chrono::seconds kStopWait{1};

thread_local bool is_stream_thread = false;

}  // namespace

bool HostStream::in_stream_thread() noexcept { return is_stream_thread; }

std::shared_ptr<HostStream> HostStream::make() {
  struct Stopper {
    ~Stopper() { stop_all(); }
  };
  static const Stopper at_exit;
  std::shared_ptr<HostStream> stream(new HostStream);
  stream->thread_ = start_thread("stretto-stream", [self = stream.get()] { self->loop(); });
  return stream;
}

HostStream::~HostStream() {
  if (thread_.joinable()) close();
}

bool HostStream::enqueue(std::unique_ptr<StreamTask> task) {
  const std::lock_guard lock(mutex_);
  if (closing_.load(std::memory_order_relaxed)) return false;
  tasks_.push_back(std::move(task));
  n_enqueued_.store(n_enqueued_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  work_.notify_one();
  return true;
}

std::optional<ErrorInfo> HostStream::synchronize() {
  std::unique_lock lock(mutex_);
  const std::uint64_t wanted = n_enqueued_.load(std::memory_order_relaxed);
  done_.wait(lock, [&] { return n_ended_ >= wanted || gone_; });
  return std::exchange(first_error_, std::nullopt);
}

std::optional<ErrorInfo> HostStream::query() const {
  const std::lock_guard lock(mutex_);
  if (n_ended_ == n_enqueued_.load(std::memory_order_relaxed)) return first_error_;
  ErrorInfo info;
  info.code = strettoInProgress;
  return info;
}

void HostStream::close() {
  {
    const std::lock_guard lock(mutex_);
    closing_.store(true, std::memory_order_relaxed);
    work_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void HostStream::loop() {
  is_stream_thread = true;
  while (std::unique_ptr<StreamTask> task = next()) {
    std::optional<ErrorInfo> error;
    try {
      error = task->run(ending_);
    } catch (const std::exception& unexpected) {  // the last line: tasks make their own errors of what they expect
      error.emplace();
      error->code = strettoSystemError;
      error->text = format("a task of the stream ended with: {}", unexpected.what());
    }
    task.reset();  // before anybody is told that it has ended
    ended(std::move(error));
  }
  const std::lock_guard lock(mutex_);
  gone_ = true;
  done_.notify_all();
}

/// The next task, or nullptr: the stream is closing, and all is done.
std::unique_ptr<StreamTask> HostStream::next() {
  for (int polls = 0; polls < kIdlePolls && n_enqueued_.load(std::memory_order_relaxed) == n_ended_ &&
                      !closing_.load(std::memory_order_relaxed);
       ++polls) {
    cpu_relax();
  }
  std::unique_lock lock(mutex_);
  work_.wait(lock, [&] { return !tasks_.empty() || closing_.load(std::memory_order_relaxed); });
  if (tasks_.empty()) return nullptr;
  std::unique_ptr<StreamTask> task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

void HostStream::ended(std::optional<ErrorInfo> error) {
  const std::lock_guard lock(mutex_);
  if (error && !first_error_) first_error_ = std::move(error);
  ++n_ended_;
  done_.notify_all();
}

void HostStream::begin_stop() {
  const std::lock_guard lock(mutex_);
  ending_.store(true, std::memory_order_relaxed);
  closing_.store(true, std::memory_order_relaxed);
  work_.notify_one();
}

/// A thread that does not come back (a host function holds it, or has called exit) ends with the process.
void HostStream::stop() {
  if (!thread_.joinable() || thread_.get_id() == std::this_thread::get_id()) return;
  std::unique_lock lock(mutex_);
  const bool gone = done_.wait_for(lock, kStopWait, [&] { return gone_; });
  lock.unlock();
  gone ? thread_.join() : thread_.detach();
}

/// At the end of the process.
void HostStream::stop_all() {
  const auto streams = LiveHandles<HostStream>::of_process().all();
  for (const auto& stream : streams) stream->begin_stop();
  for (const auto& stream : streams) stream->stop();
}

}  // namespace stretto
