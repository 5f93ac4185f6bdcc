#include "comm/host_event.hpp"

#include <chrono>
#include <utility>

#include "base/system.hpp"

namespace stretto {
namespace {

constexpr std::chrono::milliseconds kEndingSlice{50};

class ReachTask : public StreamTask {
 public:
  explicit ReachTask(std::shared_ptr<EventRecord> record) : record_(std::move(record)) {}
  std::optional<ErrorInfo> run(const std::atomic<bool>&) override {
    record_->reach(posix_system().now_ns());
    return std::nullopt;
  }

 private:
  std::shared_ptr<EventRecord> record_;
};

class WaitTask : public StreamTask {
 public:
  explicit WaitTask(std::shared_ptr<EventRecord> record) : record_(std::move(record)) {}
  std::optional<ErrorInfo> run(const std::atomic<bool>& ending) override {
    record_->wait_unless(ending);
    return std::nullopt;
  }

 private:
  std::shared_ptr<EventRecord> record_;
};

class FunctionTask : public StreamTask {
 public:
  FunctionTask(void (*function)(void*), void* context) : function_(function), context_(context) {}
  std::optional<ErrorInfo> run(const std::atomic<bool>& ending) override {
    if (!ending.load(std::memory_order_relaxed)) function_(context_);
    return std::nullopt;
  }

 private:
  void (*function_)(void*);
  void* context_;
};

}  // namespace

void EventRecord::reach(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  reached_ = true;
  at_ns_ = now_ns;
  reached_changed_.notify_all();
}

bool EventRecord::reached() const {
  const std::lock_guard lock(mutex_);
  return reached_;
}

std::int64_t EventRecord::at_ns() const {
  const std::lock_guard lock(mutex_);
  return at_ns_;
}

void EventRecord::wait() {
  std::unique_lock lock(mutex_);
  reached_changed_.wait(lock, [&] { return reached_; });
}

void EventRecord::wait_unless(const std::atomic<bool>& ending) {
  std::unique_lock lock(mutex_);
  const auto over = [&] { return reached_ || ending.load(std::memory_order_relaxed); };
  while (!reached_changed_.wait_for(lock, kEndingSlice, over)) {
  }
}

bool HostEvent::record(HostStream& stream) {
  auto made = std::make_shared<EventRecord>();
  const std::lock_guard lock(mutex_);
  if (!enqueue_record(stream, made)) return false;
  latest_ = std::move(made);
  return true;
}

std::shared_ptr<EventRecord> HostEvent::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

bool enqueue_record(HostStream& stream, std::shared_ptr<EventRecord> record) {
  return stream.enqueue(std::make_unique<ReachTask>(std::move(record)));
}

bool enqueue_wait(HostStream& stream, std::shared_ptr<EventRecord> record) {
  return stream.enqueue(std::make_unique<WaitTask>(std::move(record)));
}

bool enqueue_function(HostStream& stream, void (*function)(void*), void* context) {
  return stream.enqueue(std::make_unique<FunctionTask>(function, context));
}

}  // namespace stretto
