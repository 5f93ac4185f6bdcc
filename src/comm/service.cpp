#include "comm/service.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/error.hpp"
#include "base/thread_start.hpp"

namespace stretto {
namespace {

/// Upper bound of one sleep, so that a mistaken deadline costs a little power and not a hang.
constexpr std::int64_t kLongestSleepNs = 1'000'000'000;

constexpr std::int64_t kUnwatchedSleepNs = 10'000'000;

}  // namespace

Service& Service::of_process() {
  static PerProcess<Service> service;
  struct Stopper {
    ~Stopper() {
      if (Service* const made = service.get_if_made(); made != nullptr) made->stop();
    }
  };
  static const Stopper at_exit;
  return service.get();
}

Service::Service() : system_(posix_system()) {}

/// At the end of the process. Communicators that still live are then looked after by whoever waits.
void Service::stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    if (waits_) waits_->wake();
  }
  if (thread_.joinable()) thread_.join();
}

void Service::add(std::shared_ptr<ServiceTask> task) {
  std::unique_lock lock(mutex_);
  if (stop_) throw Error(strettoInvalidUsage, "the process is ending: no communicator can be made any more");
  if (!waits_) waits_ = system_.make_wait_set();
  tasks_.push_back(std::move(task));
  if (running_) {
    waits_->wake();
    return;
  }
  if (thread_.joinable()) thread_.join();  // has ended, or is about to without the lock
  try {
    thread_ = start_thread("stretto-service", [this] { loop(); });
  } catch (const Error&) {
    tasks_.clear();
    waits_.reset();
    throw;
  }
  running_ = true;  // the thread itself waits for the lock that is held here
}

void Service::run(const std::function<void()>& action) {
  const std::lock_guard lock(mutex_);
  action();
  if (waits_) waits_->wake();
}

void Service::for_each(const std::function<void(ServiceTask&)>& action) {
  run([&] {
    for (const auto& task : tasks_) action(*task);
  });
}

bool Service::wait_until(const std::function<bool()>& done, std::int64_t deadline_ns) {
  std::unique_lock lock(mutex_);
  if (stop_ && !running_) {
    for (const auto& task : tasks_) task->poll();
    return done();
  }
  Sleeper me{done, {}};
  sleepers_.push_back(&me);
  bool is_done = done();
  for (std::int64_t left_ns = 0; !is_done && (left_ns = deadline_ns - system_.now_ns()) > 0; is_done = done()) {
    me.wake.wait_for(lock, std::chrono::nanoseconds(std::min(left_ns, kLongestSleepNs)));
  }
  std::erase(sleepers_, &me);
  return is_done;
}

void Service::wake_sleepers() {
  for (Sleeper* sleeper : sleepers_) {
    if (sleeper->done()) sleeper->wake.notify_one();
  }
}

void Service::loop() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    round();
    wake_sleepers();
    if (tasks_.empty()) break;
    std::int64_t deadline_ns = system_.now_ns() + (unwatched_ ? kUnwatchedSleepNs : kLongestSleepNs);
    for (const auto& task : tasks_) deadline_ns = std::min(deadline_ns, task->next_deadline_ns());
    WaitSet& waits = *waits_;
    lock.unlock();
    waits.wait(std::max<std::int64_t>(0, deadline_ns - system_.now_ns()));
    lock.lock();
  }
  running_ = false;
  waits_.reset();
}

void Service::round() {
  const bool all_watched = !std::exchange(unwatched_, false);
  for (const auto& task : tasks_) {
    if (all_watched)
      task->poll_ready(waits_->ready_handles());
    else
      task->poll();
    try {
      task->watch(*waits_);
    } catch (const std::exception&) {
      unwatched_ = true;  // the kernel takes no more watches: this round's tasks are polled by the clock
    }
  }
  std::erase_if(tasks_, [](const auto& task) { return task->finished(); });
}

}  // namespace stretto
