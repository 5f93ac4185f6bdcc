// What a plan computes, as formulas: its programs run over terms instead of bytes. Shares nothing with the executor,
// and knows nothing of slots' number or of time: connections are endless queues.
#pragma once

#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "plan/plan.hpp"

namespace stretto {

/// How an element came to be: an input, or a reduction of terms in order.
struct Term {
  Rank rank = -1;  ///< of an input: whose
  bool completes = false;
  std::vector<std::shared_ptr<const Term>> sources;  ///< of a reduction

  bool is_input() const { return sources.empty(); }
};
using TermRef = std::shared_ptr<const Term>;

/// "((1 + 2) + 0)!", an exclamation mark where a reduction completes; for messages and comparisons.
std::string to_string(const Term& term);

struct PlanMeaning {
  /// Of each output chunk that a rank writes, by rank, channel and logical chunk: the same in every round.
  std::map<std::tuple<Rank, int, int>, TermRef> outputs;
};

/// Fails the current test, and gives what it has, if the programs do not come to their end or use what nobody made.
PlanMeaning meaning_of(const PlanSpec& spec);

}  // namespace stretto
