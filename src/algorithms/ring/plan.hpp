// Ring: every rank talks to its two neighbours only. The least traffic per rank, at the price of O(n) hops.
// All-reduce is reduce-scatter then all-gather over n chunks: each chunk is summed once, along the ring, then copied,
// so that the bits are equal on all ranks. Broadcast is a chain from the root, pipelined over rounds.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::ring {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::ring
