// The largest power of two of the ranks, for algorithms that swap along the bits of a rank's number; and how the others
// are folded in: each of the first `extra` of them stands for its successor, too.
#pragma once

#include <bit>

#include "base/error.hpp"

namespace stretto {

struct CoreRanks {
  int size;
  int extra;

  explicit CoreRanks(int n) : size(static_cast<int>(std::bit_floor(static_cast<unsigned>(n)))), extra(n - size) {}

  bool is_outside(Rank rank) const { return rank < 2 * extra && rank % 2 == 1; }
  bool stands_for_two(Rank rank) const { return rank < 2 * extra; }
  /// Of a rank within, or of the one that stands for it.
  int place(Rank rank) const { return rank < 2 * extra ? rank / 2 : rank - extra; }
  Rank rank(int place) const { return place < extra ? 2 * place : place + extra; }
};

}  // namespace stretto
