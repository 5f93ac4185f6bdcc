// What one rank says of one operation, for the others to compare with what they saw: checksums of its blocks, and its
// NaNs and infinities. A few words, of the same number on all ranks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "comm/batch.hpp"
#include "plan/collective.hpp"

namespace stretto {

/// What all ranks know of a collective operation.
struct DebugCase {
  const CollectiveRow* row = nullptr;
  Request request;
  int n_ranks = 1;
  bool folds = false;  ///< what it reduces leaves numbers that can be compared (debug_fold.hpp)

  BlockWindow input_of(Rank rank) const { return window_of(*row, row->input, rank, request.root, n_ranks); }
  BlockWindow output_of(Rank rank) const { return window_of(*row, row->output, rank, request.root, n_ranks); }
};

DebugCase debug_case(const Operation& operation, int n_ranks);

/// A block in a user's buffer.
struct BlockView {
  std::int32_t block = 0;  ///< of the logical vector
  const std::byte* memory = nullptr;
  std::size_t bytes = 0;
  std::size_t count = 0;
  std::size_t first = 0;  ///< its first element, counted from the buffer's begin
};

// In the order of their positions.
std::vector<BlockView> input_blocks(const Operation& operation, Rank rank, int n_ranks);
std::vector<BlockView> output_blocks(const Operation& operation, Rank rank, int n_ranks);

/// NaNs and infinities of several blocks; `first` as an index into the buffer. None for types that have no such values.
SpecialValues special_values(strettoDataType_t type, std::span<const BlockView> blocks);

struct DebugReport {
  static constexpr std::uint64_t kNone = ~std::uint64_t{0};
  struct Head {
    std::uint64_t changed_block = kNone;  ///< of the input, in which another hand wrote during the operation
    std::uint64_t hash_before = 0;        ///< of that block
    std::uint64_t hash_after = 0;
    SpecialValues input;
    SpecialValues output;  ///< of collectives that reduce
    std::uint64_t result_hash = 0;
  };
  Head head;
  // By position; a rank without such a buffer has zeros. Hashes of content where blocks are copied; what is folded,
  // where they are reduced and that can be compared.
  std::vector<std::uint64_t> input;
  std::vector<std::uint64_t> output;

  /// Of the right size for the operation.
  explicit DebugReport(const DebugCase& of);
  static std::size_t words(const DebugCase& of);
  void write(std::uint64_t* to) const;
  void read(const std::uint64_t* from);
};

}  // namespace stretto
