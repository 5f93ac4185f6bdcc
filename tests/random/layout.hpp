// Where the blocks of a call lie in one rank's buffers.
#pragma once

#include <cstddef>
#include <vector>

#include "random/call.hpp"

namespace stretto::script {

/// A block or message within a buffer; places in elements.
struct Piece {
  static constexpr int kAllRanks = -1;  ///< as source: the reduction of all ranks' blocks

  std::size_t at = 0;
  std::size_t count = 0;
  int source = 0;
  int block = 0;  ///< of the source
  int peer = 0;   ///< of a message

  std::size_t end() const { return at + count; }
};

struct Layout {
  std::vector<Piece> send;
  std::vector<Piece> receive;
  bool can_be_in_place = false;
  std::size_t send_shift = 0;  ///< in place: where the send buffer begins in the one buffer
  std::size_t receive_shift = 0;
  // What the v-variants are told, as far as they are: by rank.
  std::vector<std::size_t> send_counts;
  std::vector<std::size_t> send_places;
  std::vector<std::size_t> receive_counts;
  std::vector<std::size_t> receive_places;
};

/// `own` decides gaps and order of blocks where they are the rank's own choice.
Layout layout_of(const Call& call, int rank, Random& own);

}  // namespace stretto::script
