// Runs many simulated processes by events alone: one is polled when a socket of its may have become ready, when its
// deadline has come, or when it asks for it, and not while it is busy. For worlds without pauses (SimConfig::pauses);
// SimScheduler, which polls everybody in random order, is for the others.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/sim_system.hpp"

namespace stretto::sim {

class SimParty {
 public:
  virtual ~SimParty() = default;
  /// True: there is more to do at once.
  virtual bool poll() = 0;
  virtual std::int64_t next_deadline_ns() const = 0;
};

class SimEventLoop {
 public:
  explicit SimEventLoop(SimWorld& world) : world_(world) {
    world.on_touch([this](int process) { schedule(process); });
  }
  ~SimEventLoop() { world_.on_touch(nullptr); }
  SimEventLoop(const SimEventLoop&) = delete;
  SimEventLoop& operator=(const SimEventLoop&) = delete;

  /// Processes in ascending order, from 0. The party outlives the loop's last run().
  void add(SimParty& party) {
    places_.push_back({&party});
    schedule(static_cast<int>(places_.size()) - 1);
  }

  /// Until `done`; false: nothing can happen any more, or the time is up.
  template <typename Done>
  bool run(const Done& done, std::int64_t end_ns) {
    while (!done()) {
      const std::int64_t next_ns = world_.next_event_ns();
      if (next_ns > end_ns) return false;
      world_.advance_to(next_ns);
    }
    return true;
  }

 private:
  struct Place {
    SimParty* party;
    bool scheduled = false;
    std::int64_t wake_ns = std::numeric_limits<std::int64_t>::max();
  };

  void schedule(int process) {
    if (static_cast<std::size_t>(process) >= places_.size()) return;  // while it is made: add() comes
    Place& place = places_[static_cast<std::size_t>(process)];
    if (place.scheduled) return;
    place.scheduled = true;
    world_.at(world_.busy_until_ns(process), [this, process] { poll(process); });
  }

  void poll(int process) {
    Place& place = places_[static_cast<std::size_t>(process)];
    place.scheduled = false;
    if (place.party->poll()) schedule(process);
    const std::int64_t deadline_ns = place.party->next_deadline_ns();
    if (place.wake_ns > world_.now_ns() && place.wake_ns <= deadline_ns) return;
    place.wake_ns = deadline_ns;
    if (deadline_ns == std::numeric_limits<std::int64_t>::max()) return;
    world_.at(deadline_ns, [this, process] { schedule(process); });
  }

  SimWorld& world_;
  std::vector<Place> places_;
};

}  // namespace stretto::sim
