// Bruck: in step k each rank sends to the rank 2^k away all that is to travel so far, many chunks in one message.
// Log2 n steps for any number of ranks, each of one message, or, beyond 128 ranks, of as many as it takes. All-gather:
// blocks pass downwards, twice as many in each step. Reduce-scatter: the reverse, half as many sums in each step.
// All-to-all: a block for the rank d after its owner makes a hop for each bit of d, and waits in scratch memory in
// between. (Bruck, Ho, Kipnis, Upfal, Weathersby: "Efficient algorithms for all-to-all communications", 1997.)
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::bruck {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::bruck
