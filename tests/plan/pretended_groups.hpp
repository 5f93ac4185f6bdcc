// Groups for plans of algorithms that know them, as if the ranks lay on several sockets.
#pragma once

#include <vector>

#include "algorithms/catalogue.hpp"

namespace stretto {

/// By variant: halves; a third and the rest; every other rank; one rank and the rest, in threes; none.
inline std::vector<std::int32_t> pretended_groups(const AlgorithmRow& row, int n_ranks, int variant) {
  std::vector<std::int32_t> groups;
  if (!knows_groups(row.reach) || variant % 5 == 4) return groups;
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    const std::int32_t by_variant[] = {n_ranks > 1 && rank >= n_ranks / 2 ? 1 : 0, rank * 3 >= n_ranks + 2 ? 1 : 0,
                                       rank % 2, (rank + 2) / 3};
    groups.push_back(by_variant[variant % 5]);
  }
  return groups;
}

}  // namespace stretto
