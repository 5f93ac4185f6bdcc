// What a collective must give, computed the plain way from the collective's row: every rank's whole input in one
// place, int64 sums. Shares nothing with plans or executors.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "plan/collective.hpp"

namespace stretto {

struct CollectiveCase {
  Collective collective = Collective::all_reduce;
  int n_ranks = 1;
  Rank root = -1;
  std::size_t count = 0;  ///< elements of a block
};

using Buffer = std::vector<std::int64_t>;

inline std::size_t blocks_of(const CollectiveCase& c, Holds holds) {
  return row_of(c.collective).one_block_per_rank && holds == Holds::every_block ? static_cast<std::size_t>(c.n_ranks)
                                                                                : 1;
}

/// The inputs of all ranks.
inline std::vector<Buffer> random_inputs(const CollectiveCase& c, std::mt19937_64& random) {
  std::vector<Buffer> inputs(static_cast<std::size_t>(c.n_ranks));
  for (Buffer& input : inputs) {
    input.resize(c.count * blocks_of(c, row_of(c.collective).input));
    for (std::int64_t& value : input) value = static_cast<std::int64_t>(random() >> 8);
  }
  return inputs;
}

/// The outputs of all ranks.
inline std::vector<Buffer> expected_outputs(const CollectiveCase& c, const std::vector<Buffer>& inputs) {
  const CollectiveRow& row = row_of(c.collective);
  const auto n = static_cast<std::size_t>(c.n_ranks);
  std::vector<Buffer> outputs(n);
  for (std::size_t rank = 0; rank < n; ++rank) {
    const std::size_t blocks = blocks_of(c, row.output);
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::size_t block = row.one_block_per_rank && row.output == Holds::own_block ? rank : b;
      for (std::size_t i = 0; i < c.count; ++i) {
        const auto element = [&](std::size_t source) {
          const bool own_only = row.one_block_per_rank && row.input == Holds::own_block;
          return inputs[source][(own_only ? 0 : block * c.count) + i];
        };
        std::int64_t value = 0;
        if (row.reduces) {
          for (std::size_t source = 0; source < n; ++source) value += element(source);
        } else {
          value = element(row.rooted ? static_cast<std::size_t>(c.root) : block);
        }
        outputs[rank].push_back(value);
      }
    }
  }
  return outputs;
}

}  // namespace stretto
