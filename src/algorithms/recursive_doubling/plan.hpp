// Recursive doubling: in step k every rank swaps its partial sum with the rank whose number differs in bit k, so that
// after log2 n steps all have all. For few bytes: each message carries the whole. Both sides of a swap add the sum of
// the lower ranks first, so that the bits are equal. Ranks beyond a power of two hand their input to a neighbour before
// and get the result after (two hops more).
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::recursive_doubling {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::recursive_doubling
