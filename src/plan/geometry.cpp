#include "plan/geometry.hpp"

#include <algorithm>

namespace stretto {
namespace {

constexpr std::size_t kLineBytes = 64;

constexpr std::size_t divide_up(std::size_t a, std::size_t b) { return a / b + (a % b != 0); }
constexpr std::size_t round_up(std::size_t a, std::size_t unit) { return divide_up(a, unit) * unit; }

}  // namespace

Geometry::Geometry(const Shape& shape, std::size_t block_count, std::size_t element_bytes, std::size_t slot_bytes)
    : shape_(shape), block_count_(block_count), line_elements_(std::max<std::size_t>(1, kLineBytes / element_bytes)) {
  channel_elements_ = round_up(divide_up(block_count, static_cast<std::size_t>(shape.channels)), line_elements_);
  capacity_ = slot_bytes / element_bytes / line_elements_ * line_elements_;
}

std::size_t Geometry::share(int channel) const {
  const std::size_t begin = std::min(block_count_, static_cast<std::size_t>(channel) * channel_elements_);
  return std::min(channel_elements_, block_count_ - begin);
}

std::size_t Geometry::rounds(int channel) const {
  const std::size_t per_round = capacity_ * static_cast<std::size_t>(shape_.chunks_per_block);
  return std::max<std::size_t>(1, divide_up(share(channel), per_round));
}

Extent Geometry::chunk(int channel, std::size_t round, int chunk) const {
  const auto chunks = static_cast<std::size_t>(shape_.chunks_per_block);
  const std::size_t block = static_cast<std::size_t>(chunk) / chunks;
  const std::size_t within = static_cast<std::size_t>(chunk) % chunks;
  const std::size_t elements = share(channel);
  // Equal rounds rather than full ones and a remainder. A round of whole lines per chunk never exceeds the capacity.
  const std::size_t chunk_elements =
      std::min(capacity_, round_up(divide_up(divide_up(elements, rounds(channel)), chunks), line_elements_));
  const std::size_t begin = std::min(elements, (round * chunks + within) * chunk_elements);
  const std::size_t end = std::min(elements, begin + chunk_elements);
  const std::size_t base =
      block * block_count_ + std::min(block_count_, static_cast<std::size_t>(channel) * channel_elements_);
  return {base + begin, end - begin};
}

}  // namespace stretto
