// The arithmetic of reductions on host memory, one function per type and operation. docs/arithmetic.md holds the
// table of what each computes, bit for bit; GPU kernels are held to these results.
#pragma once

#include <cstddef>
#include <cstdint>

#include "stretto/stretto.h"

namespace stretto {

/// destination[i] = s[0][i] op s[1][i] op ... in that order, i < count, then divided by `divisor` if it is not 1 (sums
/// only). Types narrower than 32-bit float are accumulated in float and rounded once (to nearest, ties to even).
/// `destination` may be the very same address as any of the sources; no other overlap is allowed. No alignment is
/// required. n_sources >= 1; a single source with divisor 1 is copied as it is.
using ReduceFunction = void (*)(void* destination, const void* const* sources, int n_sources, std::size_t count,
                                int divisor);

/// Never nullptr for a valid type and a built-in operation; strettoAvg gives the sum's function (the caller passes the
/// divisor where the reduction completes). nullptr otherwise.
ReduceFunction find_reduce(strettoDataType_t type, strettoRedOp_t op) noexcept;

/// destination[i] = source[i] * scalar, i < count, rounded to the type: bit for bit what a product of the two gives.
/// `scalar` is one element's bits, in the low end of the word. `destination` may be the very same address as `source`;
/// no other overlap is allowed. No alignment is required.
using ScaleFunction = void (*)(void* destination, const void* source, std::size_t count, std::uint64_t scalar);

/// Never nullptr for a valid type; nullptr otherwise.
ScaleFunction find_scale(strettoDataType_t type) noexcept;

/// What a buffer has of values that are no finite numbers.
struct SpecialValues {
  std::uint64_t nans = 0;
  std::uint64_t infinities = 0;
  std::size_t first = 0;  ///< index of the first of either kind, if there is one

  std::uint64_t total() const { return nans + infinities; }
};

/// No alignment is required.
using ScanFunction = SpecialValues (*)(const void* values, std::size_t count);

/// nullptr for integers, which have no special values, and for what is no type.
ScanFunction find_scan(strettoDataType_t type) noexcept;

}  // namespace stretto
