// A machine that nobody has here, running a plan: how long an operation takes where messages share links, and which
// links hold it up. Deterministic; time is computed, not measured.
//
// What is modelled: every strand runs its steps one after another, but for puts and sums into slots that follow one
// another, which move side by side, as copy engines and a GPU's stores do. They take as long as their bytes need on
// their way (flows.hpp); a message and a credit arrive after the latency, and sums and copies on a rank take their time
// there. Not modelled: that strands of a rank share its processors and memory.
//
// What would take too long is not run step by step:
// - Where ranks or channels are alike and their surroundings too, some of them stand for all (Routes has what this
//   means for links). Chunks then count as if all were as large as those of the ranks and channels that are run.
// - Once every strand begins its rounds at equal intervals, each as the one before, the rounds that would follow alike
//   are counted and left out.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "plan/plan.hpp"
#include "plan/routes.hpp"

namespace stretto {

struct RankAt {
  Rank rank = 0;
  double seconds = 0;
};

struct SimulatedMachine {
  Routes* routes = nullptr;      ///< of as many ranks as the plan has; found routes are kept in it
  double latency_s = 1e-6;       ///< of a message, and of a credit
  double local_bytes_per_s = 0;  ///< of sums and copies on a rank; 0: they take no time
  std::uint64_t slot_bytes = 1 << 20;
  std::uint32_t slots = 4;  ///< of a connection
  /// Rank r does as rank r - like_ranks does, among ranks and chunks that lie as much further: the first like_ranks
  /// stand for all. 0: every rank for itself.
  std::int32_t like_ranks = 0;
  /// Channel c does as channel c - like_channels does: the first like_channels stand for all. 0: every one for itself.
  std::int32_t like_channels = 0;
  bool skips_alike_rounds = true;
  /// Ranks that begin late, or stop in the middle: then all are run, every round.
  std::vector<RankAt> late = {};
  std::vector<RankAt> stops = {};
  /// Asked now and then with the part of all steps that is done; false: the run ends where it is.
  std::function<bool(double part)> go_on = {};
};

struct Simulation {
  double seconds = 0;
  std::vector<double> link_bytes;  ///< carried by each link of the routes
  std::uint64_t messages = 0;      ///< with those that others stand for
  std::uint64_t run_steps = 0;     ///< without those
  bool complete = true;            ///< false: go_on() ended it
  bool unfinished = false;         ///< some strand has not ended, be it of a rank that has stopped
  std::int32_t waiting_ranks = 0;  ///< for ever, since others have stopped; after `seconds` nobody does anything more
};

/// The plan of a rank; asked for once for each rank that is run, in order, and let go before the next.
using PlanOf = std::function<Plan(Rank rank)>;

/// All ranks begin at once. Throws Error(strettoInvalidArgument) if the plan cannot end: it waits for what does not
/// come (too few slots).
Simulation simulate(const PlanOf& plan_of, std::uint64_t block_bytes, const SimulatedMachine& machine);
/// @param plans of all ranks, of one spec
Simulation simulate(std::span<const Plan> plans, std::uint64_t block_bytes, const SimulatedMachine& machine);

}  // namespace stretto
