// One-shot: every rank gives each of the others, directly, all that it will ever need from it. One hop; for small
// messages. Sums are taken in rank order in one step, so that the bits are equal on all ranks.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::one_shot {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::one_shot
