// Plans for people: what `stretto plan` and `stretto explain` print.
#pragma once

#include <span>
#include <string>

#include "planner/planner.hpp"

namespace stretto {

/// A plan and the rank whose program it holds.
struct RankPlan {
  Rank rank = 0;
  Plan plan;
};

/// Plans of some ranks (at least one) of one spec, one step a line.
std::string plan_to_text(std::span<const RankPlan> plans);

/// Why the planner chooses what it chooses for blocks of `block_bytes`.
std::string choice_to_text(const PlanChoice& choice, std::uint64_t block_bytes, const LinkModel& link);

/// One sentence: what decides between the winner and the runner-up.
std::string reason(const PlanChoice& choice);

/// "1.5": microseconds with one digit, cut off.
std::string microseconds(Picoseconds time);

}  // namespace stretto
