// What communication costs, in integers, so that every rank computes the same numbers.
#pragma once

#include <cstdint>

namespace stretto {

using Picoseconds = std::uint64_t;

/// Constants of the slowest link that a plan uses; they come from rank 0, so they are equal on all ranks.
struct LinkModel {
  Picoseconds message = 300'000;     ///< from signal to wait, for an empty message
  Picoseconds step = 20'000;         ///< fixed cost of a step on the rank that runs it
  Picoseconds byte_copied = 100;     ///< put, get or copy, per byte
  Picoseconds byte_reduced = 120;    ///< per byte of each source
  std::uint32_t ranks_per_core = 1;  ///< oversubscription: work of co-located ranks is serialised
  std::uint64_t slot_bytes = 1 << 16;
  std::uint32_t slots = 4;
};

}  // namespace stretto
