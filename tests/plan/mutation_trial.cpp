#include "plan/mutation_trial.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <numeric>

#include "plan/mutation.hpp"

namespace stretto::mutation {
namespace {

/// All ranks of small plans; of larger ones the first and the middle one, which is the root.
std::vector<Rank> ranks_of(int n_ranks, Ranks ranks) {
  if (ranks == Ranks::first) return {0};
  if (n_ranks > 4) return {0, n_ranks / 2};
  std::vector<Rank> all(static_cast<std::size_t>(n_ranks));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Tally tally_of(const std::vector<int>& numbers_of_ranks, Channels channels, Ranks ranks) {
  Tally tally;
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (!row.supports(collective.collective)) continue;
      std::vector<int> counts = sweep::channel_counts(row);
      if (channels == Channels::fewest) counts.resize(1);
      for (const int n : numbers_of_ranks) {
        for (const int count : counts) {
          try_mutants(sweep::whole_plan(row, collective.collective, n, count, n / 2), ranks_of(n, ranks), tally);
        }
      }
    }
  }
  return tally;
}

}  // namespace

void expect_all_explained(const std::vector<int>& numbers_of_ranks, Channels channels, Ranks ranks) {
  const Tally tally = tally_of(numbers_of_ranks, channels, ranks);
  std::printf(
      "%llu mutants: %llu caught (%llu races and deadlocks confirmed), %llu equivalent by commutation, "
      "%llu by repetition, %zu unexplained, %zu disputed\n",
      static_cast<unsigned long long>(tally.mutants), static_cast<unsigned long long>(tally.caught),
      static_cast<unsigned long long>(tally.confirmed), static_cast<unsigned long long>(tally.commuting),
      static_cast<unsigned long long>(tally.repeating), tally.unexplained.size(), tally.disputed.size());
  for (const std::string& mutant : tally.unexplained) ADD_FAILURE() << "passed, but not equivalent: " << mutant;
  for (const std::string& mutant : tally.disputed) ADD_FAILURE() << "caught, but not confirmed: " << mutant;
  EXPECT_GT(tally.caught, tally.mutants / 2);
  EXPECT_GT(tally.confirmed, 0u);
  EXPECT_GT(tally.commuting, 0u);
  EXPECT_GT(tally.repeating, 0u);
}

}  // namespace stretto::mutation
