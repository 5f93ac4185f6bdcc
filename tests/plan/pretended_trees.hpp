// Trees for plans of algorithms that know them, as if the machine's links were uneven.
#pragma once

#include <random>
#include <vector>

#include "algorithms/catalogue.hpp"

namespace stretto {

/// By variant: none; chains upwards; chains up and down in turn; two random kinds.
inline std::vector<std::int32_t> pretended_parents(const AlgorithmRow& row, Collective collective, int n_ranks,
                                                   int channels, int variant) {
  std::vector<std::int32_t> parents;
  if (row.reach != Reach::trees || variant % 5 == 0) return parents;
  std::mt19937_64 random(static_cast<std::uint64_t>(variant) * 100 + static_cast<std::uint64_t>(n_ranks));
  const int n_trees = collective == Collective::all_reduce ? 1 : n_ranks;
  for (int tree = 0; tree < channels * n_trees; ++tree) {
    const Rank root = n_trees == 1 ? (variant + 3 * tree) % n_ranks : tree % n_ranks;
    std::vector<std::int32_t> mine(static_cast<std::size_t>(n_ranks), -1);
    for (int distance = 1; distance < n_ranks; ++distance) {
      const bool upwards = variant % 5 == 1 || (variant % 5 == 2 && tree / n_trees % 2 == 0);
      const int before = variant % 5 < 3 ? distance - 1 : static_cast<int>(random() % static_cast<unsigned>(distance));
      const int sign = upwards || variant % 5 == 3 ? 1 : -1;
      const auto at = [&](int steps) { return (root + sign * steps + n_ranks) % n_ranks; };
      mine[static_cast<std::size_t>(at(distance))] = at(before);
    }
    parents.insert(parents.end(), mine.begin(), mine.end());
  }
  return parents;
}

}  // namespace stretto
