// Polls the state machines of simulated ranks in seeded random order, and moves the virtual clock when none can run.
#pragma once

#include <functional>
#include <vector>

#include "sim/sim_system.hpp"

namespace stretto::sim {

/// One state machine (or several) of one process. A rank may have more than one task.
struct SimTask {
  int process = -1;
  /// Polls once. Returns true if it has done something that the world cannot see, such as progress through shared
  /// memory: time then does not jump. (What goes through System calls is seen.) SimCrashed may fly out of it.
  std::function<bool()> step;
  /// When it wants to be polled at the latest; empty: whenever others run.
  std::function<std::int64_t()> next_deadline_ns;
  /// Called once, outside of any step, when the process has crashed: destroy what belongs to it.
  std::function<void()> on_crash;
};

class SimScheduler {
 public:
  explicit SimScheduler(SimWorld& world) : world_(world) {}

  void add(SimTask task) { tasks_.push_back({std::move(task), false}); }
  /// Rounds of polling until `done`. False: `limit_ns` of virtual time went by, or nothing can ever happen again, or
  /// ten million rounds did not suffice.
  bool run(const std::function<bool()>& done, std::int64_t limit_ns);

 private:
  struct Entry {
    SimTask task;
    bool buried;  ///< its process has crashed, and on_crash was called
  };
  bool round();
  void bury_the_dead();
  std::int64_t next_moment_ns() const;

  SimWorld& world_;
  std::vector<Entry> tasks_;
};

/// How many seeds a test runs: STRETTO_TEST_SEEDS, else `otherwise`.
int seeds_to_run(int otherwise);

}  // namespace stretto::sim
