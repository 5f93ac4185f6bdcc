// A number for the content of memory, by which ranks compare what they hold without sending it. Not for adversaries.
#pragma once

#include <cstddef>
#include <cstdint>

namespace stretto {

/// Any alignment. Contents that differ within one 64-bit word always have different hashes, others with overwhelming
/// probability. `seed` says what the content is: the same bytes in another place are another matter.
std::uint64_t content_hash(const void* data, std::size_t bytes, std::uint64_t seed) noexcept;

}  // namespace stretto
