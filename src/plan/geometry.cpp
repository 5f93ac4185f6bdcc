#include "plan/geometry.hpp"

#include <algorithm>

#include "base/error.hpp"

namespace stretto {
namespace {

constexpr std::size_t kLineBytes = 64;

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0); }
constexpr std::size_t round_up(std::size_t a, std::size_t unit) { return divide_up(a, unit) * unit; }

}  // namespace

Geometry::Geometry(const Shape& shape, std::size_t block_count, std::size_t element_bytes, std::size_t slot_bytes)
    : shape_(shape), block_count_(block_count), line_elements_(std::max<std::size_t>(1, kLineBytes / element_bytes)) {
  channel_elements_ = round_up(divide_up(block_count, static_cast<std::size_t>(shape.channels)), line_elements_);
  const std::size_t part_bytes = slot_bytes / static_cast<std::size_t>(shape.parts_per_slot);
  capacity_ = part_bytes / element_bytes / line_elements_ * line_elements_;
  STRETTO_ASSERT(capacity_ > 0);
}

ChannelGeometry Geometry::channel(int channel) const {
  ChannelGeometry result;
  result.chunks = static_cast<std::size_t>(shape_.chunks_per_block);
  result.base = std::min(block_count_, static_cast<std::size_t>(channel) * channel_elements_);
  result.elements = std::min(channel_elements_, block_count_ - result.base);
  result.rounds = std::max<std::size_t>(1, divide_up(result.elements, capacity_ * result.chunks));
  // Equal rounds rather than full ones and a remainder. A round of whole lines per chunk never exceeds the capacity.
  const std::size_t round_elements = divide_up(result.elements, result.rounds);
  result.chunk_elements = std::min(capacity_, round_up(divide_up(round_elements, result.chunks), line_elements_));
  return result;
}

Extent Geometry::chunk(int channel_index, std::size_t round, int chunk) const {
  const auto chunks = static_cast<std::size_t>(shape_.chunks_per_block);
  const std::size_t block = static_cast<std::size_t>(chunk) / chunks;
  Extent extent = channel(channel_index).chunk(round, static_cast<std::size_t>(chunk) % chunks);
  extent.offset += block * block_count_;
  return extent;
}

}  // namespace stretto
