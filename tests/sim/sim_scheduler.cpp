#include "sim/sim_scheduler.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <numeric>

namespace stretto::sim {

void SimScheduler::bury_the_dead() {
  for (std::size_t i = 0; i < tasks_.size(); ++i) {  // on_crash may add tasks
    if (tasks_[i].buried || !world_.crashed(tasks_[i].task.process)) continue;
    tasks_[i].buried = true;
    if (tasks_[i].task.on_crash) tasks_[i].task.on_crash();
  }
}

/// Polls each live task once, in random order; true if any of them did something.
bool SimScheduler::round() {
  std::vector<std::size_t> order(tasks_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[world_.below(i)]);
  const std::uint64_t activity = world_.activity();
  bool progress = false;
  for (const std::size_t i : order) {
    const int process = tasks_[i].task.process;
    if (tasks_[i].buried || world_.stopped(process) || world_.crashed(process)) continue;
    if (world_.chance(0.1)) {  // others are faster this time
      progress = true;
      continue;
    }
    try {
      progress = tasks_[i].task.step() || progress;
    } catch (const SimCrashed&) {
    }
    // Computing takes time too, so that a run without events does not stand still.
    world_.advance_to(world_.now_ns() + static_cast<std::int64_t>(100 + world_.below(1000)));
  }
  bury_the_dead();
  return progress || world_.activity() != activity;
}

std::int64_t SimScheduler::next_moment_ns() const {
  std::int64_t next_ns = world_.next_event_ns();
  for (const Entry& entry : tasks_) {
    const int process = entry.task.process;
    if (entry.buried || world_.stopped(process) || world_.crashed(process) || !entry.task.next_deadline_ns) continue;
    next_ns = std::min(next_ns, entry.task.next_deadline_ns());
  }
  return next_ns;
}

bool SimScheduler::run(const std::function<bool()>& done, std::int64_t limit_ns) {
  const std::int64_t end_ns = world_.now_ns() + limit_ns;
  bury_the_dead();
  for (int i = 0; i < 10'000'000; ++i) {
    if (done()) return true;
    if (world_.now_ns() >= end_ns) return false;
    if (round()) continue;
    const std::int64_t next_ns = next_moment_ns();
    if (next_ns == std::numeric_limits<std::int64_t>::max()) return done();
    world_.advance_to(std::min(end_ns, next_ns));
  }
  return false;
}

int seeds_to_run(int otherwise) {
  const char* const text = std::getenv("STRETTO_TEST_SEEDS");
  const int seeds = text == nullptr ? 0 : std::atoi(text);
  return seeds > 0 ? seeds : otherwise;
}

}  // namespace stretto::sim
