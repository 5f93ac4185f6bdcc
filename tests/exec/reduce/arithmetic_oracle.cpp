#include "exec/reduce/arithmetic_oracle.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <map>

#include "base/datatypes.hpp"

namespace stretto::oracle {
namespace {

__extension__ using Int128 = __int128;
__extension__ using Float128 = __float128;

struct FloatFormat {
  int exponent_bits;
  int mantissa_bits;
  bool infinities;  ///< else the largest exponent is an ordinary one, less the all-ones code
  bool saturates;
};

const FloatFormat* narrow_format(strettoDataType_t type) {
  static const std::map<strettoDataType_t, FloatFormat> formats{
      {strettoFloat16, {5, 10, true, false}},
      {strettoBfloat16, {8, 7, true, false}},
      {strettoFloat8e4m3, {4, 3, false, true}},
      {strettoFloat8e5m2, {5, 2, true, true}},
  };
  const auto found = formats.find(type);
  return found == formats.end() ? nullptr : &found->second;
}

int bits_of(strettoDataType_t type) { return static_cast<int>(8 * data_type_bytes(type)); }
Code mask_of(strettoDataType_t type) { return ~Code{0} >> (64 - bits_of(type)); }
/// The NaN that every NaN result is: all bits but the sign.
Code nan_of(strettoDataType_t type) { return mask_of(type) >> 1; }

/// The magnitudes of all finite numbers of a format, by code.
const std::vector<double>& finite_magnitudes(strettoDataType_t type) {
  static std::map<strettoDataType_t, std::vector<double>> cache;
  std::vector<double>& values = cache[type];
  for (Code code = values.size(); values.empty() || code < nan_of(type); ++code) {
    const double value = decode(type, code);
    if (!std::isfinite(value)) break;
    values.push_back(value);
  }
  return values;
}

struct Integral {
  bool is_integer;
  bool is_signed;
};

Integral integral(strettoDataType_t type) {
  return {type <= strettoUint64, type == strettoInt8 || type == strettoInt32 || type == strettoInt64};
}

Int128 integer_value(strettoDataType_t type, Code code) {
  const Int128 value = static_cast<Int128>(code);
  const bool negative = integral(type).is_signed && ((code >> (bits_of(type) - 1)) & 1) != 0;
  return negative ? value - (static_cast<Int128>(1) << bits_of(type)) : value;
}

Code reduce_integers(strettoDataType_t type, strettoRedOp_t op, std::span<const Code> inputs, int divisor) {
  Int128 result = integer_value(type, inputs[0]);
  for (const Code code : inputs.subspan(1)) {
    const Int128 value = integer_value(type, code);
    if (op == strettoSum) result += value;
    // Unsigned, where overflow wraps: the low bits of a product do not depend on the sign of its factors.
    if (op == strettoProd)
      result = integer_value(type, static_cast<Code>(result) * static_cast<Code>(value) & mask_of(type));
    if (op == strettoMax && value > result) result = value;
    if (op == strettoMin && value < result) result = value;
  }
  const Int128 wrapped = integer_value(type, static_cast<Code>(result) & mask_of(type));
  return static_cast<Code>(wrapped / divisor) & mask_of(type);
}

double float_value(strettoDataType_t type, Code code) {
  if (type == strettoFloat64) return std::bit_cast<double>(code);
  if (type == strettoFloat32) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(code)));
  return decode(type, code);
}

Code extreme(strettoDataType_t type, strettoRedOp_t op, std::span<const Code> inputs) {
  Code best = inputs[0];
  for (const Code code : inputs) {
    const double value = float_value(type, code);
    const double champion = float_value(type, best);
    if (std::isnan(value)) return nan_of(type);
    const bool less = value < champion || (value == champion && std::signbit(value) && !std::signbit(champion));
    const bool more = value > champion || (value == champion && !std::signbit(value) && std::signbit(champion));
    if (op == strettoMax ? more : less) best = code;
  }
  return best;
}

/// Each step exact in Wide (or nearly: it has more than twice the bits, so rounding twice is harmless), then rounded.
template <typename Wide, typename Accumulator>
Accumulator fold(strettoDataType_t type, strettoRedOp_t op, std::span<const Code> inputs, int divisor) {
  auto result = static_cast<Accumulator>(float_value(type, inputs[0]));
  for (const Code code : inputs.subspan(1)) {
    const auto a = static_cast<Wide>(result);
    const auto b = static_cast<Wide>(float_value(type, code));
    result = static_cast<Accumulator>(op == strettoSum ? a + b : a * b);
  }
  if (divisor != 1) result = static_cast<Accumulator>(static_cast<Wide>(result) / static_cast<Wide>(divisor));
  return result;
}

}  // namespace

double decode(strettoDataType_t type, Code code) {
  const FloatFormat& format = *narrow_format(type);
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const int exponent = static_cast<int>(code >> format.mantissa_bits) & ((1 << format.exponent_bits) - 1);
  const int mantissa = static_cast<int>(code) & ((1 << format.mantissa_bits) - 1);
  const bool top = exponent == (1 << format.exponent_bits) - 1;
  double value = exponent == 0
                     ? std::ldexp(mantissa, 1 - bias - format.mantissa_bits)
                     : std::ldexp((1 << format.mantissa_bits) + mantissa, exponent - bias - format.mantissa_bits);
  if (top && format.infinities) {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if ((code & nan_of(type)) == nan_of(type)) value = std::numeric_limits<double>::quiet_NaN();
  return (code >> (bits_of(type) - 1)) & 1 ? -value : value;
}

Code encode(strettoDataType_t type, double value) {
  if (std::isnan(value)) return nan_of(type);
  const std::vector<double>& numbers = finite_magnitudes(type);
  const Code sign = std::signbit(value) ? nan_of(type) + 1 : 0;
  const double magnitude = std::fabs(value);
  // What the next number would be if the format went on: halfway there rounds away (its code is even).
  const double beyond = 2 * numbers.back() - numbers[numbers.size() - 2];
  if (magnitude >= numbers.back() / 2 + beyond / 2) return sign | (numbers.size() - narrow_format(type)->saturates);
  auto above = static_cast<std::size_t>(std::lower_bound(numbers.begin(), numbers.end(), magnitude) - numbers.begin());
  if (above == numbers.size()) return sign | (above - 1);
  if (numbers[above] == magnitude || above == 0) return sign | above;
  const double low = magnitude - numbers[above - 1];
  const double high = numbers[above] - magnitude;
  if (low < high || (low == high && above % 2 == 1)) --above;
  return sign | above;
}

Code reduce(strettoDataType_t type, strettoRedOp_t op, std::span<const Code> inputs, int divisor) {
  if (integral(type).is_integer) return reduce_integers(type, op, inputs, divisor);
  if (op == strettoMax || op == strettoMin) return extreme(type, op, inputs);
  if (type == strettoFloat64) {
    const auto result = fold<Float128, double>(type, op, inputs, divisor);
    return std::isnan(result) ? nan_of(type) : std::bit_cast<Code>(result);
  }
  const auto result = fold<double, float>(type, op, inputs, divisor);
  if (type != strettoFloat32) return encode(type, static_cast<double>(result));
  return std::isnan(result) ? nan_of(type) : std::bit_cast<std::uint32_t>(result);
}

std::vector<Code> hard_values(strettoDataType_t type) {
  const Code mask = mask_of(type);
  const Code sign = (mask >> 1) + 1;
  std::vector<Code> codes{0, 1, 2, 3, mask >> 1, (mask >> 1) - 1, mask >> 2, (mask >> 2) - 1};
  if (!integral(type).is_integer) {
    static const std::map<strettoDataType_t, int> mantissa_bits{{strettoFloat16, 10},   {strettoFloat32, 23},
                                                                {strettoFloat64, 52},   {strettoBfloat16, 7},
                                                                {strettoFloat8e4m3, 3}, {strettoFloat8e5m2, 2}};
    const int mantissa = mantissa_bits.at(type);
    const Code top = (mask >> 1) >> mantissa << mantissa;
    const Code one = (top >> 1) >> mantissa << mantissa;
    for (const Code code : {top, top - 1, top + 1, one, one + 1, one - 1, Code{1} << mantissa,
                            (Code{1} << mantissa) - 1, one + (Code{1} << mantissa)}) {
      codes.push_back(code);
    }
  }
  for (std::size_t i = 0, positives = codes.size(); i < positives; ++i) codes.push_back(codes[i] | sign);
  return codes;
}

}  // namespace stretto::oracle
