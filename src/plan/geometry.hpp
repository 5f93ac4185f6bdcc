// Binding a plan to a count: how many rounds each channel makes, and which elements each chunk is in each of them.
// A pure function of numbers that all ranks share.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace stretto {

struct Shape {
  int blocks = 1;
  int chunks_per_block = 1;
  int channels = 1;
  int parts_per_slot = 1;
};

/// A range of elements of the logical vector.
struct Extent {
  std::size_t offset = 0;
  std::size_t count = 0;
};

/// One channel's share of every block, parted into rounds and chunks.
struct ChannelGeometry {
  std::size_t base = 0;      ///< first element of the share, within the block
  std::size_t elements = 0;  ///< of the share
  std::size_t rounds = 1;
  std::size_t chunk_elements = 0;  ///< of every chunk but the last ones
  std::size_t chunks = 1;          ///< per block and round

  /// Elements of chunk `within` of a block in a round, the offset counted from the block's begin.
  Extent chunk(std::size_t round, std::size_t within) const {
    const std::size_t begin = std::min(elements, (round * chunks + within) * chunk_elements);
    const std::size_t end = std::min(elements, begin + chunk_elements);
    return {base + begin, end - begin};
  }
  /// From one part of a slot to the next, in elements.
  std::size_t part_stride() const { return std::min(chunk_elements, elements); }
};

/// Channels part each block into contiguous shares; rounds part a share; chunks part a round. Chunks are as even as
/// whole 64-byte lines allow; late ones may be empty. Every channel makes at least one round, even of nothing, so
/// that ranks meet and compare what they do.
class Geometry {
 public:
  /// @param block_count elements in a block  @param slot_bytes capacity of a slot; at least 64 for each part
  Geometry(const Shape& shape, std::size_t block_count, std::size_t element_bytes, std::size_t slot_bytes);

  ChannelGeometry channel(int channel) const;
  std::size_t rounds(int channel_index) const { return channel(channel_index).rounds; }
  /// Elements of a logical chunk in a round, the offset counted from the logical vector's begin.
  Extent chunk(int channel, std::size_t round, int chunk) const;

 private:
  Shape shape_;
  std::size_t block_count_ = 0;
  std::size_t line_elements_ = 1;     ///< of one 64-byte line
  std::size_t channel_elements_ = 0;  ///< share of every channel but the last ones
  std::size_t capacity_ = 1;          ///< elements of a full slot, or its part, whole lines
};

}  // namespace stretto
