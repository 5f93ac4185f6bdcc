// One number for many elements that a reduction carries over from its inputs to its result: for integers, whose
// arithmetic is exact, the sum over all elements of a result is the sum over all elements of all inputs (modulo
// 2^bits), and the same holds for products, minima and maxima. Floating-point sums round, so nothing of the kind holds
// for them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "stretto/stretto.h"

namespace stretto {

bool can_fold(strettoDataType_t type, strettoRedOp_t op) noexcept;

// Only for what can be folded. Of nothing: 0.
std::uint64_t fold_elements(strettoDataType_t type, strettoRedOp_t op, const void* elements,
                            std::size_t count) noexcept;
/// Of several such numbers.
std::uint64_t fold_again(strettoDataType_t type, strettoRedOp_t op, std::span<const std::uint64_t> folded) noexcept;

}  // namespace stretto
