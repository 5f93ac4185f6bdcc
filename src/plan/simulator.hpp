// A machine that nobody has here, running a plan: how long an operation takes where messages share links, and which
// links hold it up. Deterministic; time is computed, not measured.
//
// What is modelled: every strand runs its steps one after another; a put or a sum into a slot takes as long as its
// bytes need on their way (flows.hpp), a message and a credit arrive after the latency, and sums and copies on a rank
// take their time there. Not modelled: that strands of a rank share its processors and memory.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "plan/plan.hpp"
#include "plan/routes.hpp"

namespace stretto {

struct SimulatedMachine {
  Routes* routes = nullptr;      ///< of as many ranks as the plan has; found routes are kept in it
  double latency_s = 1e-6;       ///< of a message, and of a credit
  double local_bytes_per_s = 0;  ///< of sums and copies on a rank; 0: they take no time
  std::uint64_t slot_bytes = 1 << 20;
  std::uint32_t slots = 4;  ///< of a connection
  /// Asked now and then with the part of all steps that is done; false: the run ends where it is.
  std::function<bool(double part)> go_on = {};
};

struct Simulation {
  double seconds = 0;
  std::vector<double> link_bytes;  ///< carried by each link of the routes
  std::uint64_t messages = 0;
  bool complete = true;  ///< false: go_on() ended it
};

/// All ranks begin at once. Throws Error(strettoInvalidArgument) if the plan cannot end: it waits for what does not
/// come (too few slots).
/// @param plans of all ranks, of one spec
Simulation simulate(std::span<const Plan> plans, std::uint64_t block_bytes, const SimulatedMachine& machine);

}  // namespace stretto
