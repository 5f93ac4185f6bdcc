// Trees for plans of algorithms that know them, as if the machine's links were uneven.
#pragma once

#include <random>
#include <vector>

#include "algorithms/catalogue.hpp"

namespace stretto {

/// Of some ranks, below one of them, in a row that goes round: by variant chains upwards, chains up and down in turn,
/// and two random kinds.
inline void add_pretended_tree(const std::vector<Rank>& ranks, int root, int variant, int number,
                               std::mt19937_64& random, std::int32_t* parents) {
  const auto n = static_cast<int>(ranks.size());
  for (int distance = 1; distance < n; ++distance) {
    const bool upwards = variant % 5 == 1 || (variant % 5 == 2 && number % 2 == 0);
    const int before = variant % 5 < 3 ? distance - 1 : static_cast<int>(random() % static_cast<unsigned>(distance));
    const int sign = upwards || variant % 5 == 3 ? 1 : -1;
    const auto at = [&](int steps) { return ranks[static_cast<std::size_t>((root + sign * steps + n) % n)]; };
    parents[at(distance)] = at(before);
  }
}

/// By variant: none; then as above. Of an algorithm that knows groups (as PlanSpec has them), trees within them.
/// @param whole_root of a rooted collective
inline std::vector<std::int32_t> pretended_parents(const AlgorithmRow& row, Collective collective, int n_ranks,
                                                   Rank whole_root, int channels, int variant,
                                                   const std::vector<std::int32_t>& groups) {
  std::vector<std::int32_t> parents;
  if (row.takes_parents == nullptr || variant % 5 == 0) return parents;
  std::mt19937_64 random(static_cast<std::uint64_t>(variant) * 100 + static_cast<std::uint64_t>(n_ranks));
  const auto n = static_cast<std::size_t>(n_ranks);
  std::vector<std::vector<Rank>> members(1);
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    const auto group = groups.empty() ? 0U : static_cast<std::size_t>(groups[static_cast<std::size_t>(rank)]);
    if (members.size() <= group) members.resize(group + 1);
    members[group].push_back(rank);
  }
  const bool within_groups = knows_groups(row.reach);
  const int n_trees = within_groups || row_of(collective).blocks == Blocks::one ? 1 : n_ranks;
  const bool has_root = !within_groups && row_of(collective).rooted;
  for (int tree = 0; tree < (within_groups ? 1 + variant % 3 : channels * n_trees); ++tree) {
    parents.insert(parents.end(), n, -1);
    std::int32_t* const mine = parents.data() + parents.size() - n;
    for (const std::vector<Rank>& ranks : members) {
      const auto size = static_cast<int>(ranks.size());
      const int root = has_root ? whole_root : n_trees == 1 ? (variant + 3 * tree) % size : tree % size;
      add_pretended_tree(ranks, root, variant, tree / n_trees, random, mine);
    }
  }
  return parents;
}

}  // namespace stretto
