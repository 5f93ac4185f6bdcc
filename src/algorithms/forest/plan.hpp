// Forest: every rank's block travels along spanning trees of its own, one for each channel, which begin at it
// (PlanSpec::parents; without them each root hands its block to all others itself). Made for machines whose links are
// uneven: topology/graph/forest.hpp packs trees that use them as well as can be. All-gather goes down the trees,
// reduce-scatter up, summing on the way; all-reduce parts the block among the roots and does the one after the other.
//
// All blocks that are equally far from their roots move at once: step by step, each rank sends one message to each rank
// below it in some tree, with all the blocks that go there, and then takes one from each above; so a connection never
// has more than one message of a step. Upwards a rank keeps what it has taken until its sum has gone on: with one slot,
// ranks that send to one another in one step might wait in a circle, and with two none does, since what frees a slot is
// then of the step before.
#pragma once

#include "plan/cost_model.hpp"
#include "plan/plan.hpp"

namespace stretto::forest {

bool supports(Collective collective);
std::int32_t chunks_per_block(const PlanSpec& spec);
std::int32_t parts_per_slot(const PlanSpec& spec);
Program build(const PlanSpec& spec, Rank rank);
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto::forest
