// Mutants of plans, and their trial: each must be caught by the checker, or be equivalent to the plan it was made from
// by the argument of mutation_trace.hpp.
#pragma once

#include <string>
#include <vector>

#include "plan/mutation_trace.hpp"
#include "plan/sweep.hpp"

namespace stretto::mutation {

/// One rank's program with one change.
struct Mutant {
  Rank rank = 0;
  std::string change;     ///< for people
  const char* kind = "";  ///< "delete", "swap", ...
  Program program;
  std::vector<StrandNames> names;
};

/// For each step: deleted; swapped with the next; run twice; with another peer, chunk, source or target; with the mark
/// of completion turned over.
std::vector<Mutant> mutants_of(const sweep::WholePlan& plan, Rank rank);

struct Tally {
  std::uint64_t mutants = 0;
  std::uint64_t caught = 0;
  std::uint64_t confirmed = 0;           ///< of those caught as a race or deadlock: the other argument finds one, too
  std::uint64_t commuting = 0;           ///< the same normal form
  std::uint64_t repeating = 0;           ///< the same once idempotent second runs are taken out
  std::vector<std::string> unexplained;  ///< passed by the checker, but not equivalent
  std::vector<std::string> disputed;     ///< a race or deadlock for the checker, but not for the other argument
};

/// Tries all mutants of the ranks under every alias, place and number of slots, as three operations of two rounds.
void try_mutants(const sweep::WholePlan& plan, const std::vector<Rank>& ranks, Tally& tally);

}  // namespace stretto::mutation
