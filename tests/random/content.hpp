// What each rank's inputs hold, and what results must be: computed from the seed alone, by every rank for all others,
// with the arithmetic oracle, which shares nothing with the library's kernels.
//
// Contents repeat after a prime number of elements, which no slot, line or chunk is a multiple of: data that lands in a
// wrong place differs all the same, and a megabyte costs no more arithmetic than a few hundred elements.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "random/call.hpp"

namespace stretto::script {

constexpr std::size_t kPeriod = 509;

/// Before threads begin: the oracle's tables are made at their first use.
void warm_up_oracle();

/// The first period of what `rank` gives in block or message `block` (fewer elements if `count` is less).
std::vector<std::byte> input_pattern(const Call& call, int rank, int block, std::size_t count);
/// Of a pre-multiplied sum.
std::vector<std::byte> scalar_of(const Call& call, int rank);

/// A result, and how exactly it must be met.
struct Expected {
  std::vector<std::byte> exact;   ///< a period; empty if rough
  std::vector<long double> near;  ///< rough: by element of a period
  std::vector<long double> tolerance;
};

Expected reduced_pattern(const Call& call, int block, std::size_t count);
/// Element `index` of a rough result: empty, or what is wrong.
std::string judge(const Call& call, const Expected& expected, const std::byte* element, std::size_t index);

}  // namespace stretto::script
