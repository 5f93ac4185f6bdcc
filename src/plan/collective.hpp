// The collectives: one row each says what its buffers hold and which inputs make which outputs. The oracle, the
// checker's goal, the perf tools' bus factor and the argument checks are all derived from the row.
//
// Logical vector: blocks of `count` elements each: one, one per rank, or one per pair of ranks. Input and output of
// every rank are windows on it: a rank that holds only its own block has a buffer of that block's size. So a chunk has
// one number that means the same on every rank, and in place means that both windows put each chunk at the same
// address.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.hpp"

namespace stretto {

/// Those that have plans of their own come first.
enum class Collective : std::uint8_t {
  all_reduce,
  all_gather,
  reduce_scatter,
  broadcast,
  reduce,
  gather,
  scatter,
  all_to_all,
  // Carried out by the plans of another one:
  barrier,
  all_gather_v,
  reduce_scatter_v,
  // Between pairs, without a plan (exec/pair_executor.hpp):
  all_to_all_v,
  send,
  receive,
};

constexpr bool is_one_of(Collective collective, std::initializer_list<Collective> several) noexcept {
  for (const Collective each : several) {
    if (each == collective) return true;
  }
  return false;
}

/// Blocks of the logical vector. Per pair: block source * n + destination.
enum class Blocks : std::uint8_t { one, per_rank, per_pair };

/// Which blocks of the logical vector a buffer has. A row is the blocks of the pairs that the rank is the source of, a
/// column those that it is the destination of.
enum class Holds : std::uint8_t { every_block, own_block, own_row, own_column };

/// Input or output.
struct Side {
  Holds holds;
  bool root_only = false;  ///< the other ranks have no such buffer
};

/// Bus bandwidth = bytes * bus factor / time (the convention of nccl-tests).
enum class BusFactor : std::uint8_t { one, n_minus_1_over_n, twice_n_minus_1_over_n };

struct CollectiveRow {
  Collective collective;
  std::string_view name;
  Blocks blocks;
  Side input;
  Side output;
  bool reduces;  ///< output chunk c = op over all ranks' input chunk c; else it is the input chunk c of origin_of()
  bool rooted;
  BusFactor bus_factor;
  Collective planned_as = collective;  ///< whose plans carry it out
  bool sizes_differ = false;           ///< blocks have counts of their own
};

constexpr bool has_plans(Collective collective) noexcept { return collective <= Collective::all_to_all; }

/// Whether it is one rank's call to another rank, and not one that all ranks make.
constexpr bool is_pair_call(Collective collective) noexcept {
  return collective == Collective::send || collective == Collective::receive;
}

/// Blocks of a logical vector in the order in which they lie in a buffer: first, first + step, ...
struct BlockWindow {
  std::int32_t first = 0;
  std::int32_t step = 1;
  std::int32_t count = 0;

  bool contains(std::int32_t block) const {
    return block >= first && (block - first) % step == 0 && (block - first) / step < count;
  }
  std::int32_t position(std::int32_t block) const { return (block - first) / step; }
  std::int32_t block(std::int32_t position) const { return first + position * step; }
};

std::int32_t block_count(Blocks blocks, int n_ranks) noexcept;
/// Empty where the rank has no such buffer. `root` counts for rooted collectives only.
BlockWindow window_of(const CollectiveRow& row, const Side& side, Rank rank, Rank root, int n_ranks) noexcept;
/// Of collectives that do not reduce: whose input an output block is.
Rank origin_of(const CollectiveRow& row, std::int32_t block, Rank root, int n_ranks) noexcept;
/// Whether one window contains the other, so that a buffer can be both.
bool can_be_in_place(const CollectiveRow& row) noexcept;
/// Whether both buffers can be the same, each block being swapped with a peer's, if each block is sent before the one
/// of its place is received: as by one_shot on GPUs.
bool can_swap_in_place(const CollectiveRow& row) noexcept;

/// The collectives that have plans.
std::span<const CollectiveRow> collective_rows() noexcept;
/// All of them.
std::span<const CollectiveRow> call_rows() noexcept;
const CollectiveRow& row_of(Collective collective) noexcept;
/// Of those that have plans.
std::optional<Collective> collective_from_name(std::string_view name) noexcept;

}  // namespace stretto
