// Forest: blocks travel along spanning trees that are made for the machine's links (PlanSpec::parents;
// topology/graph/forest.hpp packs trees that use uneven links as well as can be).
//
// All-reduce: each channel is one tree, up which its share of the block is summed, and down which the sum goes. Below
// the root the way up and the way down are strands of their own, so that several rounds are on their way at once.
// Broadcast and reduce are one half of that, and all trees have the same root.
//
// All-gather and reduce-scatter: each channel has a tree for every rank's block. All blocks that are equally far from
// their roots move at once: step by step, each rank sends one message to each rank below it in some tree, with all the
// blocks that go there, and then takes one from each above; so a connection never has more than one message of a step.
// Upwards a rank keeps what it has taken until its sum has gone on: with one slot, ranks that send to one another in
// one step might wait in a circle, and with two none does, since what frees a slot is then of the step before.
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
