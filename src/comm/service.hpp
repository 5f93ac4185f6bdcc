// The one background thread of a process: it sleeps in the kernel until a socket of some communicator's set-up or
// control plane, or of a rendezvous, has something to say. It starts with the first task and ends with the last.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/fork.hpp"
#include "base/system.hpp"

namespace stretto {

/// A state machine that the service thread drives. Called with the service's lock held.
class ServiceTask {
 public:
  virtual ~ServiceTask() = default;
  /// Must not throw.
  virtual void poll() = 0;
  /// The same after a wait in which these handles, of those given to watch(), were found ready: for tasks with many.
  virtual void poll_ready(std::span<const int> /*ready_handles*/) { poll(); }
  /// When true the task is dropped.
  virtual bool finished() const = 0;
  virtual void watch(WaitSet& waits) = 0;
  virtual std::int64_t next_deadline_ns() = 0;
};

class Service {
 public:
  /// Lives for ever: objects of static lifetime may be destroyed after it would have been. A forked child has its own.
  static Service& of_process();

  void add(std::shared_ptr<ServiceTask> task);
  /// Runs `action` with the lock held, so that it may use a task's state machine, then wakes the thread.
  void run(const std::function<void()>& action);
  /// Blocks until `done` is true (asked with the lock held, by the service thread after each of its rounds, so that
  /// the caller is woken only once) or the deadline has passed; returns what `done` said last.
  bool wait_until(const std::function<bool()>& done, std::int64_t deadline_ns);
  /// Calls `action` with the lock held for each task.
  void for_each(const std::function<void(ServiceTask&)>& action);

 private:
  friend class PerProcess<Service>;
  Service();
  ~Service() = default;
  void stop();
  struct Sleeper {
    const std::function<bool()>& done;
    std::condition_variable wake;
  };
  void loop();
  void round();
  void wake_sleepers();

  System& system_;
  std::mutex mutex_;
  std::vector<Sleeper*> sleepers_;  ///< threads in wait_until
  std::vector<std::shared_ptr<ServiceTask>> tasks_;
  std::unique_ptr<WaitSet> waits_;
  std::thread thread_;
  bool running_ = false;
  bool stop_ = false;
  bool unwatched_ = false;  ///< some task's sockets could not be watched
};

}  // namespace stretto
