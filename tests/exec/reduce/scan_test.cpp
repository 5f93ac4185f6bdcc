// Every variant of the kernels that count NaNs and infinities, against the formats' definitions.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "base/datatypes.hpp"
#include "exec/reduce/arithmetic_oracle.hpp"
#include "exec/reduce/reduce.hpp"
#include "exec/reduce/variants.hpp"

namespace stretto {
namespace {

using oracle::Code;

double value_of(strettoDataType_t type, Code code) {
  if (type == strettoFloat64) return std::bit_cast<double>(code);
  if (type == strettoFloat32) return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(code)));
  return oracle::decode(type, code);
}

class Scan : public testing::TestWithParam<strettoDataType_t> {
 protected:
  const strettoDataType_t type = GetParam();
  const std::size_t element_bytes = data_type_bytes(type);
  std::mt19937_64 random{20261124};

  Code random_code() {
    const std::vector<Code> hard = oracle::hard_values(type);
    return random() % 8 == 0 ? hard[random() % hard.size()] : random() & (~Code{0} >> (64 - 8 * element_bytes));
  }

  /// Scans the codes at a random address with every variant.
  void check(const std::vector<Code>& codes) {
    SpecialValues expected;
    for (std::size_t i = codes.size(); i-- > 0;) {
      const double value = value_of(type, codes[i]);
      expected.nans += std::isnan(value) ? 1 : 0;
      expected.infinities += std::isinf(value) ? 1 : 0;
      if (!std::isfinite(value)) expected.first = i;
    }
    const std::size_t shift = random() % 9;
    std::vector<unsigned char> bytes(shift + codes.size() * element_bytes);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      std::memcpy(bytes.data() + shift + i * element_bytes, &codes[i], element_bytes);
    }
    for (const ReduceVariant variant : kReduceVariants) {
      if (kernel_table(variant) == nullptr) continue;
      const SpecialValues found = kernel_table(variant)->scan[type](bytes.data() + shift, codes.size());
      ASSERT_EQ(found.nans, expected.nans) << "of " << codes.size();
      ASSERT_EQ(found.infinities, expected.infinities) << "of " << codes.size();
      ASSERT_EQ(found.first, expected.first) << "of " << codes.size();
    }
  }
};

TEST_P(Scan, EveryCodeOrManyRandomOnes_AreCounted) {
  std::vector<Code> codes(element_bytes == 1 ? 256 : 65536);
  for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = element_bytes <= 2 ? i : random_code();
  check(codes);
}

TEST_P(Scan, EachCodeAlone_IsFoundInItsPlace) {
  for (const Code code : oracle::hard_values(type)) {
    for (std::size_t trial = 0; trial < 20 && !HasFatalFailure(); ++trial) {
      std::vector<Code> codes(1 + random() % 300, 0);
      codes[random() % codes.size()] = code;
      check(codes);
    }
  }
}

TEST_P(Scan, OddCounts_AreScannedToTheEnd) {
  for (std::size_t count = 0; count < 200 && !HasFatalFailure(); ++count) {
    std::vector<Code> codes(count);
    for (Code& code : codes) code = random_code();
    check(codes);
  }
}

INSTANTIATE_TEST_SUITE_P(Types, Scan,
                         testing::Values(strettoFloat16, strettoFloat32, strettoFloat64, strettoBfloat16,
                                         strettoFloat8e4m3, strettoFloat8e5m2),
                         [](const auto& test) { return std::string(data_type_name(test.param)); });

TEST(FindScan, IntegersAndNoTypes_HaveNone) {
  for (int type = 0; type < strettoNumDataTypes; ++type) {
    const bool integer = type <= strettoUint64;
    EXPECT_EQ(find_scan(static_cast<strettoDataType_t>(type)) == nullptr, integer);
  }
  EXPECT_EQ(find_scan(strettoNumDataTypes), nullptr);
}

}  // namespace
}  // namespace stretto
