// Rails, as rings: groups of ranks (hosts) with a way out for each rank (its NIC). The first ranks of all groups form a
// ring, the second ones another, and so on: so all ways out are used alike, and each element leaves a group as seldom
// as in a ring of groups. What goes round a ring is a block for each of its ranks, summed with the inputs of each
// group's members on its way, or handed to them. All-reduce: the one, then the other, with a chunk for each rank.
//
// Groups may be of unequal sizes: where a ring has no rank of its own in a small group, one of its members takes part
// in two rings.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::rail_rings {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::rail_rings
