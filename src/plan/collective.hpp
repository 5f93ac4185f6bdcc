// The collectives: one row each says what its buffers hold and which inputs make which outputs. The oracle, the
// checker's goal, the perf tools' bus factor and the argument checks are all derived from the row.
//
// Logical vector: `blocks` blocks (1, or one per rank) of `count` elements each. Input and output of every rank are
// windows on it: a rank that holds only its own block has a buffer of that block's size. So a chunk has one number
// that means the same on every rank, and in place means that both windows put each chunk at the same address.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.hpp"

namespace stretto {

enum class Collective : std::uint8_t { all_reduce, all_gather, reduce_scatter, broadcast };

/// Which blocks of the logical vector a buffer has.
enum class Holds : std::uint8_t { every_block, own_block };

/// Bus bandwidth = bytes * bus factor / time (the convention of nccl-tests).
enum class BusFactor : std::uint8_t { one, n_minus_1_over_n, twice_n_minus_1_over_n };

struct CollectiveRow {
  Collective collective;
  std::string_view name;
  bool one_block_per_rank;  ///< else a single block
  Holds input;
  Holds output;
  bool reduces;  ///< output chunk c = op over all ranks' input chunk c; else it is one rank's input chunk c:
  bool rooted;   ///< the root's; else that of the rank whose block it lies in
  BusFactor bus_factor;
};

std::span<const CollectiveRow> collective_rows() noexcept;
const CollectiveRow& row_of(Collective collective) noexcept;
std::optional<Collective> collective_from_name(std::string_view name) noexcept;

}  // namespace stretto
