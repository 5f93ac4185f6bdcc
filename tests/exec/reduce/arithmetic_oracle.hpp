// What a reduction must give, computed another way than the library does: formats decoded from their definition, each
// operation done in a wider type and rounded once by search among all numbers of the format.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "stretto/stretto.h"

namespace stretto::oracle {

/// An element as its bits, in the low end of a word.
using Code = std::uint64_t;

/// op over `inputs` in order, then divided by `divisor` if it is not 1. Two inputs or more, or a divisor.
Code reduce(strettoDataType_t type, strettoRedOp_t op, std::span<const Code> inputs, int divisor);

/// Values that are likely to hurt in this type: zeros, infinities, NaNs, least, largest and neighbouring numbers.
std::vector<Code> hard_values(strettoDataType_t type);

/// Of a narrow float, from the definition of its format; NaN and infinities as such.
double decode(strettoDataType_t type, Code code);
/// To nearest, ties to even, of a number that float can hold, by search.
Code encode(strettoDataType_t type, double value);

}  // namespace stretto::oracle
