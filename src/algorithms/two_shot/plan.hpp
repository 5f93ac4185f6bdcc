// Two-shot: each rank sums (or fetches from the root) one chunk and then hands it to all others. Two hops, and as
// little traffic per rank as a ring, on machines where every pair of ranks is directly connected.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::two_shot {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::two_shot
