// Streams, events and graphs of simulated GPUs.
//
// A stream is a thread with a queue. A captured graph is a list of tasks for each stream that took part, run side by
// side: nothing orders them but events, so that what CUDA would not order is not ordered here either.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "device/gpu.hpp"
#include "test_gpus.hpp"

namespace stretto::test {

/// A point in a stream, reached or not.
class Point {
 public:
  void reach() {
    const std::lock_guard lock(mutex_);
    reached_ = true;
    changed_.notify_all();
  }
  void await() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return reached_; });
  }
  bool is_reached() {
    const std::lock_guard lock(mutex_);
    return reached_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool reached_ = false;
};

/// One run of a graph: its events.
class Replay {
 public:
  Point& point(int number) {
    const std::lock_guard lock(mutex_);
    return points_[number];
  }

 private:
  std::mutex mutex_;
  std::map<int, Point> points_;
};

class SimulatedGraph final : public TestGraph, public std::enable_shared_from_this<SimulatedGraph> {
 public:
  std::shared_ptr<TestGraph> again() override { return shared_from_this(); }
  using Task = std::function<void(Replay&)>;
  ~SimulatedGraph() override {
    for (const auto& gone : watchers) gone->store(true, std::memory_order_release);
  }
  void run() const {
    Replay replay;
    std::vector<std::thread> others;
    const auto run_branch = [&](const std::vector<Task>& tasks) {
      for (const Task& task : tasks) task(replay);
    };
    for (std::size_t i = 1; i < branches.size(); ++i) {
      others.emplace_back([&run_branch, &branch = branches[i]] { run_branch(branch); });
    }
    run_branch(branches.front());
    for (std::thread& other : others) other.join();
  }

  std::vector<std::vector<Task>> branches;  ///< by stream
  std::vector<std::shared_ptr<std::atomic<bool>>> watchers;
};

/// A capture under way. One thread captures.
struct SimulatedCapture {
  std::uint64_t id = 0;
  std::shared_ptr<SimulatedGraph> graph = std::make_shared<SimulatedGraph>();
  int n_points = 0;
  bool ended = false;
};

struct SimulatedEvent {
  std::mutex mutex;
  std::shared_ptr<Point> latest;              ///< outside of captures
  std::shared_ptr<SimulatedCapture> capture;  ///< where it was recorded last
  int point = 0;                              ///< of it
};

class SimulatedStream final : public TestStream {
 public:
  using Task = std::function<void()>;
  SimulatedStream() : thread_([this] { loop(); }) {}
  ~SimulatedStream() override {
    {
      const std::lock_guard lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }

  void enqueue(Task task) {
    if (const auto capture = current()) {
      branch(*capture).push_back([task = std::move(task)](Replay&) { task(); });
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_all();
  }
  void record(SimulatedEvent& event) {
    const std::lock_guard lock(event.mutex);
    event.capture = current();
    if (event.capture) {
      event.point = event.capture->n_points++;
      branch(*event.capture).push_back([point = event.point](Replay& replay) { replay.point(point).reach(); });
    } else {
      event.latest = std::make_shared<Point>();
      enqueue([point = event.latest] { point->reach(); });
    }
  }
  /// As in CUDA a stream takes part in a capture from when it waits for an event of it.
  void wait(SimulatedEvent& event) {
    const std::lock_guard lock(event.mutex);
    const auto capture = current();
    if (event.capture ? event.capture->ended || (capture && capture != event.capture) : capture != nullptr) {
      throw Error(strettoCudaError, "an event of another capture, or of none");
    }
    if (event.capture) {
      if (!capture) take_part(event.capture);
      branch(*event.capture).push_back([point = event.point](Replay& replay) { replay.point(point).await(); });
    } else if (event.latest) {
      enqueue([point = event.latest] { point->await(); });
    }
  }

  strettoStream_t handle() const override {
    return reinterpret_cast<strettoStream_t>(const_cast<SimulatedStream*>(this));
  }
  void synchronize() override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return tasks_.empty(); });
  }
  void begin_capture() override {
    static std::atomic<std::uint64_t> captures{0};
    const auto capture = std::make_shared<SimulatedCapture>();
    capture->id = ++captures;
    take_part(capture);
  }
  std::shared_ptr<TestGraph> end_capture() override {
    const auto capture = current();
    capture->ended = true;
    return std::exchange(capture->graph, nullptr);
  }
  void launch(const std::shared_ptr<TestGraph>& graph) override {
    enqueue([graph] { static_cast<const SimulatedGraph&>(*graph).run(); });
  }
  void wait_for(TestStream& other) override {
    SimulatedEvent event;
    static_cast<SimulatedStream&>(other).record(event);
    wait(event);
  }
  void break_capture(const std::function<void()>& body) override {
    broken_ = true;
    body();
    broken_ = false;
    end_capture();
  }
  StreamFacts facts() {
    if (broken_) return {StreamFacts::Capture::invalidated, 0, 0};
    if (const auto capture = current()) return {StreamFacts::Capture::active, 0, capture->id};
    return {StreamFacts::Capture::none, id_, 0};
  }
  void watch_graph(std::shared_ptr<std::atomic<bool>> gone) { current()->graph->watchers.push_back(std::move(gone)); }

 private:
  /// The capture that it takes part in.
  std::shared_ptr<SimulatedCapture> current() {
    const std::lock_guard lock(mutex_);
    if (capture_ && capture_->ended) capture_.reset();
    return capture_;
  }
  void take_part(const std::shared_ptr<SimulatedCapture>& capture) {
    const std::lock_guard lock(mutex_);
    capture_ = capture;
    branch_ = capture->graph->branches.size();
    capture->graph->branches.emplace_back();
  }
  std::vector<SimulatedGraph::Task>& branch(SimulatedCapture& capture) { return capture.graph->branches[branch_]; }

  /// A task stays in the queue until it has ended, and leaves nothing behind.
  void loop() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      Task task = std::move(tasks_.front());
      lock.unlock();
      task();
      task = nullptr;
      lock.lock();
      tasks_.pop_front();
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::shared_ptr<SimulatedCapture> capture_;
  std::size_t branch_ = 0;
  bool closing_ = false;
  static inline std::atomic<std::uint64_t> made_{0};
  std::atomic<bool> broken_{false};
  const std::uint64_t id_ = ++made_;
  std::thread thread_;
};

}  // namespace stretto::test
