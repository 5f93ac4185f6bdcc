// What foreign plans share: buffers in units of chunks, and what they are of stretto's logical vector.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "plan/collective.hpp"

namespace stretto::foreign {

enum class Buffer : std::uint8_t { input, output, scratch };

/// Of "i", "o", "s"; throws Error.
Buffer buffer_of(std::string_view letter);

struct Shape {
  Collective collective = Collective::all_reduce;
  std::int32_t n_ranks = 1;
  std::int32_t chunks_per_block = 1;
  bool in_place = false;  ///< input and output are one buffer

  /// Chunks of a rank's input or output.
  std::int32_t held(Buffer buffer) const;
  /// The logical chunk at a place of a rank's input or output.
  std::int32_t chunk_at(Rank rank, Buffer buffer, std::int32_t offset) const;
  /// In place: where in the one buffer a place of input or output is.
  std::int32_t shared_place(Rank rank, Buffer buffer, std::int32_t offset) const;

 private:
  BlockWindow window(Rank rank, Buffer buffer) const;
};

/// By the name that MSCCL and MSCCL++ have for it. Throws Error: it is none, or one that has no fixed meaning.
Collective collective_by(std::string_view name);

/// @param chunks of the larger one of input and output. Throws Error: they are no multiple of what the collective
/// needs,
///        or all is more than is read.
Shape shape_of(Collective collective, std::int32_t n_ranks, std::int32_t chunks, bool in_place);

/// Throws Error(strettoInvalidArgument). Where in which file is added by who reads it.
[[noreturn]] void refuse(std::string why);

inline constexpr std::int32_t kMostRanks = 1024;
inline constexpr std::int32_t kMostChunks = 1 << 16;  ///< of a buffer

}  // namespace stretto::foreign
