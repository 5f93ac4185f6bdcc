// Hierarchical: within groups of ranks that are near one another (a socket's, a host's), then between the groups, then
// within again, so that each element crosses from group to group as seldom as can be. All-reduce: the block is parted
// among the members of each group; a chunk's owner sums its group's inputs, swaps sums with the owners in the other
// groups, and hands out the result. Broadcast and reduce: through one rank of each group, which for the root's is the
// root. Groups may be of unequal sizes: the members of a small one own several chunks.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::hierarchical {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::hierarchical
