// Every variant of every scaling kernel against the oracle's product, bit for bit.
#include <gtest/gtest.h>

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

class Scale : public testing::TestWithParam<strettoDataType_t> {
 protected:
  const strettoDataType_t type = GetParam();
  const std::size_t element_bytes = data_type_bytes(type);
  const Code mask = ~Code{0} >> (64 - 8 * element_bytes);
  std::mt19937_64 random{20261122};

  template <typename Body>
  void for_each_kernel(const Body& body) {
    for (const ReduceVariant variant : kReduceVariants) {
      if (kernel_table(variant) == nullptr) continue;
      SCOPED_TRACE("variant " + std::to_string(static_cast<int>(variant)));
      body(kernel_table(variant)->scale[type]);
      if (HasFailure()) return;
    }
  }

  Code random_code() {
    const std::vector<Code> hard = oracle::hard_values(type);
    return random() % 4 == 0 ? hard[random() % hard.size()] : random() & mask;
  }

  void store(std::vector<unsigned char>& bytes, std::size_t offset, Code code) const {
    std::memcpy(bytes.data() + offset, &code, element_bytes);
  }

  Code load(const std::vector<unsigned char>& bytes, std::size_t offset) const {
    Code code = 0;
    std::memcpy(&code, bytes.data() + offset, element_bytes);
    return code;
  }

  Code product(Code value, Code scalar) const {
    const std::vector<Code> factors{value, scalar};
    return oracle::reduce(type, strettoProd, factors, 1);
  }

  /// Scales elements at random addresses, in place or not; the element on either side must stay as it was. What lies
  /// above the element in the scalar's word must not matter.
  void check(ScaleFunction scale, const std::vector<Code>& values, Code scalar, bool in_place) {
    const std::size_t margin = element_bytes + random() % 9;
    const std::size_t bytes = values.size() * element_bytes;
    std::vector<unsigned char> source(margin + bytes + element_bytes, 0xee);
    for (std::size_t i = 0; i < values.size(); ++i) store(source, margin + i * element_bytes, values[i]);
    std::vector<unsigned char> other(margin + bytes + element_bytes, 0xee);
    std::vector<unsigned char>& result = in_place ? source : other;
    scale(result.data() + margin, source.data() + margin, values.size(), scalar | (random() & ~mask));
    for (std::size_t i = 0; i < margin; ++i) ASSERT_EQ(0xee, result[i]);
    for (std::size_t i = margin + bytes; i < result.size(); ++i) ASSERT_EQ(0xee, result[i]);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(product(values[i], scalar), load(result, margin + i * element_bytes))
          << "code " << values[i] << " times code " << scalar << ", element " << i << " of " << values.size();
      if (in_place) continue;
      ASSERT_EQ(values[i], load(source, margin + i * element_bytes));
    }
  }
};

TEST_P(Scale, HardValuesTimesHardScalars_MatchTheOracle) {
  const std::vector<Code> values = oracle::hard_values(type);
  for_each_kernel([&](ScaleFunction scale) {
    for (const Code scalar : values) check(scale, values, scalar, false);
  });
}

TEST_P(Scale, EveryCodeOrManyRandomOnes_MatchTheOracle) {
  std::vector<Code> values(element_bytes == 1 ? 256 : element_bytes == 2 ? 65536 : 20011);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = element_bytes <= 2 ? i : random_code();
  const int scalars = element_bytes == 1 ? 256 : 6;
  for_each_kernel([&](ScaleFunction scale) {
    for (int i = 0; i < scalars; ++i) {
      check(scale, values, element_bytes == 1 ? static_cast<Code>(i) : random_code(), i % 2 == 1);
    }
  });
}

TEST_P(Scale, OddCountsAndAddressesInPlaceOrNot_WriteExactlyTheirElements) {
  for_each_kernel([&](ScaleFunction scale) {
    for (std::size_t trial = 0; trial < 140 && !HasFailure(); ++trial) {
      std::vector<Code> values(trial);
      for (Code& value : values) value = random_code();
      check(scale, values, random_code(), random() % 2 == 0);
    }
  });
}

std::vector<strettoDataType_t> every_type() {
  std::vector<strettoDataType_t> types;
  for (int type = 0; type < strettoNumDataTypes; ++type) types.push_back(static_cast<strettoDataType_t>(type));
  return types;
}

INSTANTIATE_TEST_SUITE_P(Types, Scale, testing::ValuesIn(every_type()),
                         [](const auto& test) { return std::string(data_type_name(test.param)); });

TEST(FindScale, ValidTypes_HaveKernelsAndOthersNone) {
  for (const strettoDataType_t type : every_type()) EXPECT_NE(nullptr, find_scale(type));
  EXPECT_EQ(nullptr, find_scale(strettoNumDataTypes));
}

}  // namespace
}  // namespace stretto
