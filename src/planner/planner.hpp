// Chooses the algorithm of an operation: the cheapest of the catalogue by the cost model. A pure function, so that all
// ranks choose alike.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto {

struct Candidate {
  PlanSpec spec;
  std::int32_t chunks_per_block = 1;
  std::int32_t parts_per_slot = 1;
  Workload load;
  Price price;
};

struct PlanChoice {
  PlanSpec spec;  ///< of the winner
  Picoseconds cost = 0;
  bool forced = false;                ///< the winner was asked for by name
  std::vector<Candidate> candidates;  ///< cheapest first; equal ones in the catalogue's order

  const Candidate& winner() const;
  /// The cheapest that did not win; nullptr if there was no other.
  const Candidate* runner_up() const;
};

/// Whether the algorithm's plan can run: there are the channels (0: any number) and slots that it needs, and the slots
/// are large enough for their parts; and there are groups, if it needs them.
bool fits(const AlgorithmRow& row, const PlanSpec& spec, int max_channels, const LinkModel& link);

/// @param max_channels candidates that need more are passed over; 0: no limit. None takes more than it needs: the
///        channels of a host's ranks share their cores.
/// @param forced name of an algorithm, or "" for the cheapest
/// Throws Error(strettoInvalidArgument) if `forced` is unknown or cannot serve, or nothing can.
PlanChoice choose_plan(Collective collective, std::uint64_t block_bytes, int n_ranks, Rank root, int max_channels,
                       const LinkModel& link, std::string_view forced);

/// "plan=tree cost_us=12.3 runner_up=ring runner_up_us=45.6", for the log.
std::string to_string(const PlanChoice& choice);

}  // namespace stretto
