// Double binary tree: even channels use one tree, odd channels the other, and a rank that is interior in one is a leaf
// of the other, so that all ranks work equally hard. O(log n) hops. (Sanders, Speck, Traeff: "Two-tree algorithms for
// full bandwidth broadcast, reduction and scan", 2009.)
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::tree {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::tree
