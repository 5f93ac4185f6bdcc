// Binomial tree: in each of log2 n steps the number of ranks that have taken part doubles. The root sends (or sums)
// once per step, its heaviest subtree first; a rank's subtree are the ranks after it, counted around from the root.
// Gather and scatter send the blocks of a whole subtree in one message, which wait in scratch memory on their way.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::binomial {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::binomial
