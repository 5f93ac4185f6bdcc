#include "exec/content_hash.hpp"

#include <cstring>

namespace stretto {
namespace {

// Any odd numbers with bits all over do.
constexpr std::uint64_t kFactors[] = {0x9E6C63D0876A9A47, 0xD1B54A32D192ED03, 0x8CB92BA72F3D8DD7, 0xAEF17502108EF2D9};
constexpr std::size_t kLanes = 4;  // independent, so that their multiplications overlap

/// One to one in the lane and in the word.
constexpr std::uint64_t stir(std::uint64_t lane, std::uint64_t word, std::uint64_t factor) {
  const std::uint64_t product = (lane + word) * factor;
  return product ^ (product >> 29);
}

}  // namespace

std::uint64_t content_hash(const void* data, std::size_t bytes, std::uint64_t seed) noexcept {
  const auto* from = static_cast<const unsigned char*>(data);
  std::uint64_t lanes[kLanes] = {seed, ~seed, seed << 1, bytes};
  std::size_t left = bytes;
  for (; left >= kLanes * 8; left -= kLanes * 8, from += kLanes * 8) {
    std::uint64_t words[kLanes];
    std::memcpy(words, from, sizeof words);
    for (std::size_t i = 0; i < kLanes; ++i) lanes[i] = stir(lanes[i], words[i], kFactors[i]);
  }
  std::uint64_t tail[kLanes] = {};
  if (left > 0) std::memcpy(tail, from, left);
  std::uint64_t result = seed;
  for (std::size_t i = 0; i < kLanes; ++i) {
    lanes[i] = stir(lanes[i], tail[i], kFactors[i]);
    result = stir(result, lanes[i], kFactors[kLanes - 1 - i]);
  }
  return stir(result, bytes, kFactors[0]);
}

}  // namespace stretto
