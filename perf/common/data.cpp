#include "perf/common/data.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace stretto::perf {
namespace {

/// A bijection on 64 bits that leaves no pattern (the finaliser of the splitmix64 generator).
std::uint64_t mix(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31);
}

int factor_of(strettoRedOp_t op, int rank) { return op == kMulSum ? 1 + rank % 2 : 1; }

int exponent_bits(const TypeRow& row) { return static_cast<int>(8 * row.bytes) - 1 - row.mantissa_bits; }

/// Values of all codes of a type of up to 16 bits, from the definition of its format.
std::vector<double> narrow_values(const TypeRow& row) {
  const int bias = (1 << (exponent_bits(row) - 1)) - 1;
  const unsigned top = (1U << exponent_bits(row)) - 1U;
  const unsigned nan = (1U << (8 * row.bytes - 1)) - 1U;
  std::vector<double> values(std::size_t{1} << (8 * row.bytes));
  for (unsigned code = 0; code < values.size(); ++code) {
    const unsigned exponent = (code & nan) >> row.mantissa_bits;
    const unsigned mantissa = code & ((1U << row.mantissa_bits) - 1U);
    const unsigned significand = exponent == 0 ? mantissa : mantissa | (1U << row.mantissa_bits);
    double value = std::ldexp(significand, std::max(1, static_cast<int>(exponent)) - bias - row.mantissa_bits);
    if (exponent == top && row.type != strettoFloat8e4m3) {
      value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
    }
    if ((code & nan) == nan) value = std::numeric_limits<double>::quiet_NaN();
    values[code] = code > nan ? -value : value;
  }
  return values;
}

const std::vector<double>& cached_values(strettoDataType_t type) {
  static const std::vector<double> half = narrow_values(row_of(strettoFloat16));
  static const std::vector<double> bfloat16 = narrow_values(row_of(strettoBfloat16));
  static const std::vector<double> e4m3 = narrow_values(row_of(strettoFloat8e4m3));
  static const std::vector<double> e5m2 = narrow_values(row_of(strettoFloat8e5m2));
  switch (type) {
    case strettoFloat16:
      return half;
    case strettoBfloat16:
      return bfloat16;
    case strettoFloat8e4m3:
      return e4m3;
    default:
      return e5m2;
  }
}

}  // namespace

Data Data::of_bits(strettoDataType_t type, int n_ranks, std::uint64_t seed) {
  TypeRow row = row_of(type);
  row.kind = Kind::unsigned_integer;
  return {row, strettoSum, n_ranks, seed};
}

Data::Data(strettoDataType_t type, strettoRedOp_t op, int n_ranks, std::uint64_t seed)
    : Data(row_of(type), op, n_ranks, seed) {}

Data::Data(const TypeRow& row, strettoRedOp_t op, int n_ranks, std::uint64_t seed)
    : row_(row), op_(op), n_ranks_(n_ranks), seed_(mix(seed)) {
  if (row_.kind != Kind::floating) return;
  bias_ = (1 << (exponent_bits(row_) - 1)) - 1;
  if (row_.bytes <= 2) narrow_ = &cached_values(row.type);
  // So few, and so small, that every partial sum fits the significand, and every partial product the exponent.
  const std::uint64_t range = std::uint64_t{1} << (row_.mantissa_bits + (op == kMulSum ? 0 : 1));
  const std::uint64_t most = op == strettoProd ? 8 : range;
  participants_ = static_cast<int>(std::min<std::uint64_t>(static_cast<std::uint64_t>(n_ranks), most));
  largest_ = std::clamp<std::uint64_t>(range / static_cast<std::uint64_t>(participants_), 1, 1U << 20);
}

Data::Drawn Data::draw(int rank, std::size_t index) const {
  const std::uint64_t common = mix(seed_ + index);
  const auto n = static_cast<std::uint64_t>(n_ranks_);
  const std::uint64_t place = (static_cast<std::uint64_t>(rank) + (common >> 8)) % n;
  return {.random = mix(common + static_cast<std::uint64_t>(rank) * 0xd6e8feb86659fd93U),
          .exact = row_.mantissa_bits <= 3 || (common & 1) == 0,
          .takes_part = place < static_cast<std::uint64_t>(participants_)};
}

Code Data::input(int rank, std::size_t index) const {
  if (row_.kind == Kind::floating) return float_input(rank, index);
  // Products of odd numbers only: others soon have so many factors of two that they wrap to 0.
  const Code odd = op_ == strettoProd ? 1 : 0;
  return (draw(rank, index).random | odd) & (~Code{0} >> (64 - 8 * row_.bytes));
}

Code Data::scalar(int rank) const {
  const int factor = factor_of(op_, rank);
  return row_.kind == Kind::floating ? encode_exactly(factor) : static_cast<Code>(factor);
}

Code Data::float_input(int rank, std::size_t index) const {
  const Drawn drawn = draw(rank, index);
  const bool negative = (drawn.random & 1) != 0;
  const std::uint64_t choice = (drawn.random >> 1) & 0xffffff;
  const std::uint64_t mantissa = (drawn.random >> 12) & ((std::uint64_t{1} << row_.mantissa_bits) - 1);
  if (op_ == strettoMax || op_ == strettoMin) return assemble(negative, bias_ - static_cast<int>(choice % 4), mantissa);
  if (op_ == strettoProd) {
    if (!drawn.takes_part) return assemble(negative, bias_, 0);
    if (drawn.exact) return assemble(negative, bias_ + 1 - static_cast<int>(choice % 3), 0);
    return assemble(negative, bias_ - static_cast<int>(choice % 2), mantissa);
  }
  if (!drawn.exact) return assemble(negative, bias_ - static_cast<int>(choice % 4), mantissa);
  if (!drawn.takes_part) return 0;
  const auto magnitude = static_cast<double>(1 + choice % largest_);
  return encode_exactly(negative ? -magnitude : magnitude);
}

Code Data::assemble(bool negative, int exponent, std::uint64_t mantissa) const {
  const Code sign = negative ? Code{1} << (8 * row_.bytes - 1) : 0;
  return sign | (static_cast<Code>(exponent) << row_.mantissa_bits) | mantissa;
}

/// Of a number that the type holds as a normal one.
Code Data::encode_exactly(double value) const {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const int exponent = static_cast<int>((bits >> 52) & 0x7ff) - 1023;
  const std::uint64_t mantissa = (bits & 0xfffffffffffffU) >> (52 - row_.mantissa_bits);
  return assemble((bits >> 63) != 0, exponent + bias_, mantissa);
}

double Data::decode(Code code) const {
  if (narrow_ != nullptr) return (*narrow_)[code];
  if (row_.bytes == 4) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(code)));
  return std::bit_cast<double>(code);
}

void Data::fill(void* destination, int rank, std::size_t count) const {
  auto* bytes = static_cast<unsigned char*>(destination);
  for (std::size_t i = 0; i < count; ++i) {
    const Code code = input(rank, i);
    std::memcpy(bytes + i * row_.bytes, &code, row_.bytes);
  }
}

std::size_t Data::count_wrong(const void* received, const Origin& origin) const {
  if (origin.rank == Origin::kUntouched) return 0;
  const auto* bytes = static_cast<const unsigned char*>(received);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < origin.length; ++i) {
    Code actual = 0;
    std::memcpy(&actual, bytes + i * row_.bytes, row_.bytes);
    const std::size_t index = origin.index + i;
    const bool right =
        origin.rank == Origin::kEveryRank ? reduced_rightly(actual, index) : actual == input(origin.rank, index);
    wrong += right ? 0 : 1;
  }
  return wrong;
}

bool Data::reduced_rightly(Code actual, std::size_t index) const {
  if (n_ranks_ == 1) return actual == input(0, index);
  return row_.kind == Kind::floating ? floats_agree(actual, index) : integers_agree(actual, index);
}

bool Data::integers_agree(Code actual, std::size_t index) const {
  const int unused_bits = static_cast<int>(64 - 8 * row_.bytes);
  // Sign-extended, so that comparison and division are those of the type; sums and products wrap all the same.
  const auto value = [&](Code code) {
    const Code high = code << unused_bits;
    return row_.kind == Kind::signed_integer ? static_cast<Code>(static_cast<std::int64_t>(high) >> unused_bits)
                                             : high >> unused_bits;
  };
  const auto less = [&](Code a, Code b) {
    return row_.kind == Kind::signed_integer ? static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b) : a < b;
  };
  Code expected = value(input(0, index));
  for (int rank = 1; rank < n_ranks_; ++rank) {
    const Code next = value(input(rank, index)) * static_cast<Code>(factor_of(op_, rank));
    if (op_ == strettoSum || op_ == strettoAvg || op_ == kMulSum) expected += next;
    if (op_ == strettoProd) expected *= next;
    if (op_ == strettoMax && less(expected, next)) expected = next;
    if (op_ == strettoMin && less(next, expected)) expected = next;
  }
  if (op_ == strettoAvg) {
    const Code sum = value(expected);
    expected = row_.kind == Kind::signed_integer ? static_cast<Code>(static_cast<std::int64_t>(sum) / n_ranks_)
                                                 : sum / static_cast<Code>(n_ranks_);
  }
  return ((actual ^ expected) << unused_bits) == 0;
}

double Data::tolerance(bool exact, double expected, double magnitude) const {
  const double unit = std::ldexp(1.0, -(row_.mantissa_bits + 1));  // relative error of one rounding
  const double least = std::ldexp(1.0, 1 - bias_ - row_.mantissa_bits);
  // A division rounds once (in float, and then to the type).
  if (exact) return op_ == strettoAvg ? 1.01 * unit * std::fabs(expected) + least : 0.0;
  const double growth = std::expm1((n_ranks_ + 1) * std::log1p(unit));
  // The expectation itself is a sum of doubles.
  return (row_.bytes == 8 ? 2.0 : 1.01) * growth * magnitude + n_ranks_ * least;
}

bool Data::floats_agree(Code actual, std::size_t index) const {
  double result = decode(input(0, index));
  double magnitude = std::fabs(result);
  for (int rank = 1; rank < n_ranks_; ++rank) {
    const double next = decode(input(rank, index)) * factor_of(op_, rank);
    magnitude += std::fabs(next);
    if (op_ == strettoSum || op_ == strettoAvg || op_ == kMulSum) result += next;
    if (op_ == strettoProd) result *= next;
    if (op_ == strettoMax) result = std::max(result, next);
    if (op_ == strettoMin) result = std::min(result, next);
  }
  if (op_ == strettoMax || op_ == strettoMin) return decode(actual) == result;
  if (op_ == strettoProd) magnitude = std::fabs(result);
  if (op_ == strettoAvg) result /= n_ranks_, magnitude /= n_ranks_;
  // Written so that a NaN is wrong.
  return std::fabs(decode(actual) - result) <= tolerance(draw(0, index).exact, result, magnitude);
}

std::uint64_t hash_bytes(const void* bytes, std::size_t count) {
  const auto* from = static_cast<const unsigned char*>(bytes);
  std::uint64_t hash = mix(count);
  for (std::size_t i = 0; i < count; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, from + i, std::min<std::size_t>(8, count - i));
    hash = (hash ^ word) * 0x9fb21c651e98df25U;
    hash ^= hash >> 32;
  }
  return mix(hash);
}

}  // namespace stretto::perf
