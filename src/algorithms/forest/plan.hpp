// Forest: blocks travel along spanning trees that are made for the machine's links (PlanSpec::parents;
// topology/graph/forest.hpp packs trees that use uneven links as well as can be).
//
// All-reduce: each channel is one tree, up which its share of the block is summed, and down which the sum goes. Below
// the root the way up and the way down are strands of their own, so that several rounds are on their way at once.
// Broadcast and reduce are one half of that, and all trees have the same root.
//
// All-gather and reduce-scatter: each channel has a tree for every rank's block, and the blocks move by steps: all that
// are as far from their roots go one rank on, those for one rank in one message, so that a connection has at most one
// message of a step. A rank takes what a message needs just before it sends it, and what nothing needs after all sends.
// Whatever is waited for is of an earlier step: the message (what goes on in this step came in the one before) and,
// with two slots, the slot (it is free once the message before the last has been taken). So no circle can wait; with
// one slot some would.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::forest {

bool supports(Collective collective);
bool takes_parents(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

inline std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

}  // namespace stretto::forest
