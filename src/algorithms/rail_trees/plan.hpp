// Rails, as trees: groups of ranks (hosts) with a way out for each rank (its NIC). Each channel has an owner in every
// group; the other members of a group hang on its owner, and the owners form a binary tree across the groups. Owners
// take turns, so all ways out carry alike, and on every other channel the tree is another one, in which the inner nodes
// are leaves: with two channels for each member of a group each way out carries, each way, what an all-reduce must
// send.
//
// Where a group's ranks are not joined alike (a hybrid cube, PCI switches), what hangs on an owner may be a tree of its
// own instead of a star: PlanSpec::parents has, of each turn, of each rank, the parent within its group, -1 of the
// owner.
//
// Broadcast and reduce: the trees span the other groups, and the root's owners hang on the root. Groups may be of
// unequal sizes, and ways out of unequal widths (PlanSpec::rails): who has a wider way out owns more channels.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::rail_trees {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

bool takes_parents(const PlanSpec& spec);
/// With which ranks own as many as they should, or nearly so where they are unequal.
std::int32_t even_channels(const PlanSpec& spec);

}  // namespace stretto::rail_trees
