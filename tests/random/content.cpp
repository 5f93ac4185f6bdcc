#include "random/content.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/datatypes.hpp"
#include "base/text.hpp"
#include "exec/reduce/arithmetic_oracle.hpp"

namespace stretto::script {
namespace {

using oracle::Code;

constexpr int kSmallest = -128;
constexpr std::size_t kRoughValues = 1024;

struct Tables {
  std::vector<Code> hard;
  std::vector<Code> integers;  ///< of floats: from kSmallest on, as far as the type is exact
  std::vector<Code> halves;    ///< of floats: powers of two, whose products of 8 are exact
  std::vector<Code> rough;     ///< of floats: magnitudes from 1/4 to 4
};

Code code_of(strettoDataType_t type, double value) {
  if (type == strettoFloat64) return std::bit_cast<Code>(value);
  if (type == strettoFloat32) return std::bit_cast<std::uint32_t>(static_cast<float>(value));
  return oracle::encode(type, value);
}

double value_of(strettoDataType_t type, Code code) {
  if (type == strettoFloat64) return std::bit_cast<double>(code);
  if (type == strettoFloat32) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(code)));
  return oracle::decode(type, code);
}

Tables make_tables(strettoDataType_t type) {
  Tables tables;
  tables.hard = oracle::hard_values(type);
  if (!is_float(type)) return tables;
  for (int value = kSmallest; value < -kSmallest; ++value) tables.integers.push_back(code_of(type, value));
  for (const double value : {0.5, 1.0, 2.0, -0.5, -1.0, -2.0}) tables.halves.push_back(code_of(type, value));
  Random random(static_cast<std::uint64_t>(type));
  for (std::size_t i = 0; i < kRoughValues; ++i) {
    const double fraction = 1.0 + static_cast<double>(random.next() >> 11) * 0x1p-53;
    const double value = std::ldexp(fraction, random.below(4) - 2);
    tables.rough.push_back(code_of(type, random.one_in(2) ? value : -value));
  }
  return tables;
}

const Tables& tables_of(strettoDataType_t type) {
  static const std::vector<Tables> all = [] {
    std::vector<Tables> made;
    for (int i = 0; i < strettoNumDataTypes; ++i) made.push_back(make_tables(static_cast<strettoDataType_t>(i)));
    return made;
  }();
  return all[static_cast<std::size_t>(type)];
}

struct Precision {
  int mantissa_bits;
  int largest_addend;  ///< sums of 8 integers up to this are exact
  double smallest;     ///< positive number
};

Precision precision_of(strettoDataType_t type) {
  switch (type) {
    case strettoFloat8e4m3:
      return {3, 2, 0x1p-9};
    case strettoFloat8e5m2:
      return {2, 1, 0x1p-16};
    case strettoFloat16:
      return {10, 100, 0x1p-24};
    case strettoBfloat16:
      return {7, 32, 0x1p-133};
    case strettoFloat32:
      return {23, 127, 0x1p-149};
    default:
      return {52, 127, 0x1p-1074};
  }
}

Code small_integer(strettoDataType_t type, Random& random, int largest) {
  const int value = random.below(2 * largest + 1) - largest;
  return tables_of(type).integers[static_cast<std::size_t>(value - kSmallest)];
}

Code element(const Call& call, Random& random) {
  const Tables& tables = tables_of(call.type);
  switch (call.values) {
    case Values::hard:
      return random.one_in(2) ? tables.hard[random.below(tables.hard.size())] : random.next();
    case Values::small:
      if (call.op == Op::prod) return tables.halves[random.below(tables.halves.size())];
      // The scalars are at most 2, or 1 where the type has no room.
      return small_integer(call.type, random, std::max(1, precision_of(call.type).largest_addend / 2));
    case Values::rough:
      return tables.rough[random.below(tables.rough.size())];
    case Values::bits:
      break;
  }
  return random.next();
}

Code load(const std::vector<std::byte>& pattern, std::size_t index, std::size_t element_bytes) {
  Code code = 0;
  std::memcpy(&code, pattern.data() + index * element_bytes, element_bytes);
  return code;
}

void store(std::vector<std::byte>& pattern, std::size_t index, Code code, std::size_t element_bytes) {
  std::memcpy(pattern.data() + index * element_bytes, &code, element_bytes);
}

/// Of all ranks.
struct Inputs {
  Inputs(const Call& call, int block, std::size_t count) : type(call.type), bytes(data_type_bytes(call.type)) {
    for (int rank = 0; rank < call.n; ++rank) {
      patterns.push_back(input_pattern(call, rank, block, count));
      if (call.op == Op::pre_multiplied) scalars.push_back(load(scalar_of(call, rank), 0, bytes));
    }
  }
  /// By rank, before any multiplication.
  std::vector<Code> at(std::size_t index) const {
    std::vector<Code> codes;
    for (const auto& pattern : patterns) codes.push_back(load(pattern, index, bytes));
    return codes;
  }

  strettoDataType_t type;
  std::size_t bytes;
  std::vector<std::vector<std::byte>> patterns;
  std::vector<Code> scalars;
};

Code reduce_exactly(const Call& call, const Inputs& inputs, std::size_t index) {
  std::vector<Code> codes = inputs.at(index);
  for (std::size_t rank = 0; rank < inputs.scalars.size(); ++rank) {
    const std::array<Code, 2> factors{codes[rank], inputs.scalars[rank]};
    codes[rank] = oracle::reduce(call.type, strettoProd, factors, 1);
  }
  if (call.n == 1) return codes[0];
  constexpr strettoRedOp_t kReductions[kOps] = {strettoSum, strettoProd, strettoMax,
                                                strettoMin, strettoSum,  strettoSum};
  return oracle::reduce(call.type, kReductions[static_cast<std::size_t>(call.op)], codes,
                        call.op == Op::avg ? call.n : 1);
}

/// Every addition, the division and the multiplication round once: whatever the order, each addend has gone through at
/// most n + 1 of them.
void add_rough(const Call& call, const Inputs& inputs, std::size_t index, Expected& expected) {
  const Precision precision = precision_of(call.type);
  const std::vector<Code> codes = inputs.at(index);
  long double sum = 0;
  long double magnitude = 0;
  for (std::size_t rank = 0; rank < codes.size(); ++rank) {
    auto value = static_cast<long double>(value_of(call.type, codes[rank]));
    if (!inputs.scalars.empty()) value *= static_cast<long double>(value_of(call.type, inputs.scalars[rank]));
    sum += value;
    magnitude += std::abs(value);
  }
  const long double divisor = call.op == Op::avg ? call.n : 1;
  const int roundings = call.n - 1 + (call.op == Op::avg ? 1 : 0) + (inputs.scalars.empty() ? 0 : 1);
  // 2^-20 more of each: of narrow types float rounds, too.
  const long double unit = std::ldexp(1.0L, -precision.mantissa_bits - 1) * (1 + 0x1p-20L);
  expected.near.push_back(sum / divisor);
  expected.tolerance.push_back((std::pow(1 + unit, static_cast<long double>(roundings)) - 1) * magnitude / divisor +
                               static_cast<long double>(precision.smallest) * roundings);
}

}  // namespace

void warm_up_oracle() { tables_of(strettoFloat32); }

std::vector<std::byte> input_pattern(const Call& call, int rank, int block, std::size_t count) {
  const std::size_t bytes = data_type_bytes(call.type);
  const std::size_t elements = std::min(count, kPeriod);
  std::vector<std::byte> pattern(elements * bytes);
  Random random(mix({call.seed, static_cast<std::uint64_t>(rank), static_cast<std::uint64_t>(block)}));
  for (std::size_t i = 0; i < elements; ++i) store(pattern, i, element(call, random), bytes);
  return pattern;
}

std::vector<std::byte> scalar_of(const Call& call, int rank) {
  Random random(mix({call.seed, static_cast<std::uint64_t>(rank), 0x5CA1A2ULL}));
  const std::size_t bytes = data_type_bytes(call.type);
  std::vector<std::byte> scalar(bytes);
  Code code = random.next();
  if (call.values == Values::rough) code = tables_of(call.type).rough[random.below(kRoughValues)];
  if (call.values == Values::small) {
    code = small_integer(call.type, random, precision_of(call.type).largest_addend == 1 ? 1 : 2);
  }
  store(scalar, 0, code, bytes);
  return scalar;
}

Expected reduced_pattern(const Call& call, int block, std::size_t count) {
  Expected expected;
  const Inputs inputs(call, block, count);
  const std::size_t elements = std::min(count, kPeriod);
  const bool copied = call.n == 1 && call.op != Op::pre_multiplied;
  if (copied) {
    expected.exact = inputs.patterns.front();
    return expected;
  }
  if (call.values == Values::rough) {
    for (std::size_t i = 0; i < elements; ++i) add_rough(call, inputs, i, expected);
    return expected;
  }
  expected.exact.resize(elements * inputs.bytes);
  for (std::size_t i = 0; i < elements; ++i) store(expected.exact, i, reduce_exactly(call, inputs, i), inputs.bytes);
  return expected;
}

std::string judge(const Call& call, const Expected& expected, const std::byte* element, std::size_t index) {
  Code code = 0;
  std::memcpy(&code, element, data_type_bytes(call.type));
  const auto value = static_cast<long double>(value_of(call.type, code));
  const std::size_t at = index % kPeriod;
  if (std::abs(value - expected.near[at]) <= expected.tolerance[at]) return {};
  return format("element {} is {}, not {} +- {}", index, static_cast<double>(value),
                static_cast<double>(expected.near[at]), static_cast<double>(expected.tolerance[at]));
}

}  // namespace stretto::script
