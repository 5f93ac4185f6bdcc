// Shapes, origins and bus factors that several tools share.
#pragma once

#include "perf/common/collective.hpp"

namespace stretto::perf {

// ---- shapes -----------------------------------------------------------------------------------------------------

/// Elements of each rank's block when `elements` are shared out: as in nccl-tests, a whole number of 16 bytes.
constexpr std::size_t block_of(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  const std::size_t unit = 16 / element_bytes;
  return elements / static_cast<std::size_t>(n_ranks) / unit * unit;
}

/// Both buffers have all elements.
constexpr Shape whole_buffers(std::size_t elements, std::size_t element_bytes, int) {
  return {element_bytes, elements, elements, elements, elements};
}

/// A block goes out, a block of each rank comes in.
constexpr Shape block_to_blocks(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  const std::size_t block = block_of(elements, element_bytes, n_ranks);
  const std::size_t all = block * static_cast<std::size_t>(n_ranks);
  return {element_bytes, block, block, all, all};
}

/// A block for each rank goes out, a block comes in.
constexpr Shape blocks_to_block(std::size_t elements, std::size_t element_bytes, int n_ranks) {
  const std::size_t block = block_of(elements, element_bytes, n_ranks);
  const std::size_t all = block * static_cast<std::size_t>(n_ranks);
  return {element_bytes, block, all, block, all};
}

// ---- origins ----------------------------------------------------------------------------------------------------

/// All that is received from here on is one run that begins at `send_index` of `rank`.
constexpr Origin rest_from(int rank, const Spot& spot, std::size_t send_index) {
  return {rank, send_index, spot.shape.receive - spot.index};
}

/// Blocks in the order of the ranks; each is its rank's send buffer from `send_index` on.
constexpr Origin block_of_each(const Spot& spot, std::size_t send_index) {
  const std::size_t within = spot.index % spot.shape.count;
  return {static_cast<int>(spot.index / spot.shape.count), send_index + within, spot.shape.count - within};
}

/// Where the block of this spot's rank begins.
constexpr std::size_t own_block(const Spot& spot) { return static_cast<std::size_t>(spot.rank) * spot.shape.count; }

// ---- bus factors ------------------------------------------------------------------------------------------------

constexpr double all_cross(int) { return 1.0; }
/// A rank's own block stays where it is.
constexpr double all_but_own_block(int n_ranks) { return static_cast<double>(n_ranks - 1) / n_ranks; }

// ---- runs -------------------------------------------------------------------------------------------------------

/// Sends to one rank and receives from one, as a group: neither waits for the other.
strettoResult_t exchange(const Call& call, const void* send, int to, void* receive, int from, std::size_t count);
/// Sends and receives the pieces of an all-to-all-v, as a group.
strettoResult_t exchange_pieces(const Call& call);
/// From one place of this rank's memory to another, in the order of the call's stream.
void copy(const Call& call, void* to, const void* from, std::size_t bytes);

}  // namespace stretto::perf
