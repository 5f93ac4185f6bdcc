// Pairwise exchange: in step k each rank sends to the rank k after it and then receives from the rank k before it. As
// much work as one-shot, but no rank is ever sent to by two others at once, and what was sent is read soon after.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::pairwise {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::pairwise
