// Plans as JSON: written to be read, edited and run again.
//
//   {"collective": "all_reduce", "algorithm": "ring", "ranks": 2, "root": null, "channels": 1, "chunks_per_block": 2,
//    "chunks": 2, "parts_per_slot": 1, "min_slots": 2, "hash": "0123456789abcdef",
//    "programs": [{"rank": 0, "scratch_chunks": 0, "strands": [{"channel": 0, "body": [STEP...], "epilogue":
//    [STEP...]}]}]}
//
// STEP is {"do": "signal", "peer": 1} for steps that synchronise, and for those that move data
// {"do": "reduce", "chunk": 1, "to": "output[1]", "from": ["slot[1]", "input[1]"], "completes": true}. "slot[1].2" is
// part 2 of that slot, "slot[1]" part 0.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "planner/plan_text.hpp"

namespace stretto {

/// Plans of some ranks (at least one) of one spec.
std::string plan_to_json(std::span<const RankPlan> plans);

/// The program of `rank` in such a text. Every step has the form that its kind demands, and all ranks, chunks and
/// channels are within range; whether the program makes sense is the checker's to say. Throws
/// Error(strettoInvalidArgument), whose field is the place ("/programs/0/strands/0/body/3/to").
Program program_from_json(std::string_view text, Rank rank);

std::string choice_to_json(const PlanChoice& choice, std::uint64_t block_bytes, const LinkModel& link);

}  // namespace stretto
