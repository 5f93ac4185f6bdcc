// Recursive halving and doubling: in step k of the first half each rank gives the rank whose number differs in bit k
// the partial sums of what that one will own, and keeps half; the second half hands the results out the same way back.
// Twice log2 n messages, of several chunks each, and as few bytes as a ring. Neighbours come first, so that the largest
// messages go the shortest way; sums are those of recursive doubling, bit for bit. Ranks beyond a power of two are
// folded in before and served after. (Rabenseifner: "Optimization of collective reduction operations", 2004.)
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::halving_doubling {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::halving_doubling
