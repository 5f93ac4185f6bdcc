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

/// Blocks of one side of a rank.
inline std::size_t blocks_of(const CollectiveCase& c, const Side& side, std::size_t rank) {
  if (side.root_only && static_cast<Rank>(rank) != c.root) return 0;
  const bool many = side.holds != Holds::own_block && row_of(c.collective).blocks != Blocks::one;
  return many ? static_cast<std::size_t>(c.n_ranks) : 1;
}

/// Elements from the begin of the in-place buffer to where a side lies in it.
inline std::size_t in_place_shift(const CollectiveCase& c, const Side& side, std::size_t rank) {
  return side.holds == Holds::own_block ? rank * c.count : 0;
}

/// The inputs of all ranks.
inline std::vector<Buffer> random_inputs(const CollectiveCase& c, std::mt19937_64& random) {
  std::vector<Buffer> inputs(static_cast<std::size_t>(c.n_ranks));
  for (std::size_t rank = 0; rank < inputs.size(); ++rank) {
    inputs[rank].resize(c.count * blocks_of(c, row_of(c.collective).input, rank));
    for (std::int64_t& value : inputs[rank]) value = static_cast<std::int64_t>(random() >> 8);
  }
  return inputs;
}

/// The outputs of all ranks.
inline std::vector<Buffer> expected_outputs(const CollectiveCase& c, const std::vector<Buffer>& inputs) {
  const CollectiveRow& row = row_of(c.collective);
  const auto n = static_cast<std::size_t>(c.n_ranks);
  std::vector<Buffer> outputs(n);
  for (std::size_t rank = 0; rank < n; ++rank) {
    const std::size_t blocks = blocks_of(c, row.output, rank);
    for (std::size_t b = 0; b < blocks; ++b) {
      // Where this output block comes from: whose input, and which block of it.
      const std::size_t own = row.output.holds == Holds::own_block ? rank : b;
      const std::size_t from = row.input.root_only ? static_cast<std::size_t>(c.root) : b;
      const std::size_t place = row.blocks == Blocks::per_pair ? rank : row.input.holds == Holds::own_block ? 0 : own;
      for (std::size_t i = 0; i < c.count; ++i) {
        std::int64_t value = 0;
        if (row.reduces) {
          for (std::size_t source = 0; source < n; ++source) value += inputs[source][place * c.count + i];
        } else {
          value = inputs[from][place * c.count + i];
        }
        outputs[rank].push_back(value);
      }
    }
  }
  return outputs;
}

}  // namespace stretto
