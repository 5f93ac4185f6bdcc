// Every variant of every kernel against the oracle, and against the ways in which the executor calls them.
#include "exec/reduce/reduce.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "base/datatypes.hpp"
#include "exec/reduce/arithmetic_oracle.hpp"
#include "exec/reduce/variants.hpp"

namespace stretto {
namespace {

using oracle::Code;

Code load(const std::vector<unsigned char>& bytes, std::size_t offset, std::size_t element_bytes) {
  Code code = 0;
  std::memcpy(&code, bytes.data() + offset, element_bytes);
  return code;
}

class Reduce : public testing::TestWithParam<strettoDataType_t> {
 protected:
  const strettoDataType_t type = GetParam();
  const std::size_t element_bytes = data_type_bytes(type);
  strettoRedOp_t op = strettoSum;
  ReduceFunction reduce = nullptr;
  std::mt19937_64 random{20261121};

  /// Runs `body` with each operation's kernel of each variant that this processor has.
  template <typename Body>
  void for_each_kernel(const Body& body) {
    for (const ReduceVariant variant : kReduceVariants) {
      if (kernel_table(variant) == nullptr) continue;
      for (const strettoRedOp_t each : {strettoSum, strettoProd, strettoMax, strettoMin}) {
        op = each;
        reduce = kernel_table(variant)->reduce[type][op];
        SCOPED_TRACE(std::string(red_op_name(op)) + ", variant " + std::to_string(static_cast<int>(variant)));
        body();
        if (HasFailure()) return;
      }
    }
  }

  std::vector<unsigned char> pack(const std::vector<Code>& codes, std::size_t misalignment = 0) const {
    std::vector<unsigned char> bytes(misalignment + codes.size() * element_bytes, 0xee);
    for (std::size_t i = 0; i < codes.size(); ++i) {
      std::memcpy(bytes.data() + misalignment + i * element_bytes, &codes[i], element_bytes);
    }
    return bytes;
  }

  Code random_code() {
    const std::vector<Code> hard = oracle::hard_values(type);
    if (random() % 4 == 0) return hard[random() % hard.size()];
    return random() & (~Code{0} >> (64 - 8 * element_bytes));
  }

  void expect_equal(Code expected, Code actual, std::span<const Code> inputs, int divisor) const {
    if (expected == actual) return;
    std::string text;
    for (const Code code : inputs) text += " " + std::to_string(code);
    ADD_FAILURE() << "inputs" << text << " divisor " << divisor << ": expected code " << expected << ", got " << actual;
  }

  /// Reduces columns[source][i] and holds each result to the oracle.
  void check(const std::vector<std::vector<Code>>& columns, int divisor) {
    const std::size_t count = columns[0].size();
    std::vector<std::vector<unsigned char>> buffers;
    std::vector<const void*> sources;
    for (const auto& column : columns) buffers.push_back(pack(column));
    for (const auto& buffer : buffers) sources.push_back(buffer.data());
    std::vector<unsigned char> result(count * element_bytes);
    reduce(result.data(), sources.data(), static_cast<int>(sources.size()), count, divisor);
    std::vector<Code> inputs(columns.size());
    for (std::size_t i = 0; i < count && !HasFailure(); ++i) {
      for (std::size_t s = 0; s < columns.size(); ++s) inputs[s] = columns[s][i];
      expect_equal(oracle::reduce(type, op, inputs, divisor), load(result, i * element_bytes, element_bytes), inputs,
                   divisor);
    }
  }

  std::vector<std::vector<Code>> random_columns(int n_sources, std::size_t count) {
    std::vector<std::vector<Code>> columns(static_cast<std::size_t>(n_sources), std::vector<Code>(count));
    for (auto& column : columns) {
      for (Code& code : column) code = random_code();
    }
    return columns;
  }

  /// Reduces `count` elements at random addresses, into one of the sources or a further buffer; the element on either
  /// side must stay as it was.
  void check_placed(int n_sources, std::size_t count) {
    const auto columns = random_columns(n_sources, count + 2);
    const std::size_t target = random() % (columns.size() + 1);
    std::vector<std::vector<unsigned char>> buffers;
    std::vector<const void*> sources;
    std::size_t start = 0;
    for (std::size_t s = 0; s <= columns.size(); ++s) {
      const std::size_t misalignment = random() % 9;
      buffers.push_back(pack(columns[s % columns.size()], misalignment));
      sources.push_back(buffers.back().data() + misalignment + element_bytes);
      if (s == target) start = misalignment + element_bytes;
    }
    const std::vector<unsigned char> before = buffers[target];
    unsigned char* const result = buffers[target].data();
    reduce(result + start, sources.data(), n_sources, count, 1);

    const std::size_t end = start + count * element_bytes;
    EXPECT_EQ(0, std::memcmp(result, before.data(), start));
    EXPECT_EQ(0, std::memcmp(result + end, before.data() + end, element_bytes));
    std::vector<Code> inputs(columns.size());
    for (std::size_t i = 0; i < count && !HasFailure(); ++i) {
      for (std::size_t s = 0; s < inputs.size(); ++s) inputs[s] = columns[s][i + 1];
      const Code expected = n_sources == 1 ? inputs[0] : oracle::reduce(type, op, inputs, 1);
      expect_equal(expected, load(buffers[target], start + i * element_bytes, element_bytes), inputs, 1);
    }
    ASSERT_FALSE(HasFailure()) << "sources " << n_sources << " count " << count << " target " << target;
  }
};

TEST_P(Reduce, AllPairsOfHardValues_MatchTheOracle) {
  std::vector<Code> values = oracle::hard_values(type);
  if (element_bytes == 1) {
    values.resize(256);
    for (Code code = 0; code < 256; ++code) values[code] = code;
  }
  std::vector<std::vector<Code>> columns(2);
  for (const Code a : values) {
    for (const Code b : values) columns[0].push_back(a), columns[1].push_back(b);
  }
  for_each_kernel([&] { check(columns, 1); });
}

class ReduceOfHalfWords : public Reduce {};

TEST_P(ReduceOfHalfWords, EveryCode_MatchesTheOracle) {
  std::vector<std::vector<Code>> columns(2);
  for (Code code = 0; code < 65536; ++code) {
    columns[0].push_back(code);
    columns[1].push_back(random_code());
  }
  for_each_kernel([&] { check(columns, 1); });
}

TEST_P(Reduce, RandomValuesOfManySources_MatchTheOracleInOrder) {
  for_each_kernel([&] {
    for (int n_sources = 2; n_sources <= 9; ++n_sources) check(random_columns(n_sources, 2203), 1);
  });
}

TEST_P(Reduce, Divisor_DividesTheSum) {
  for_each_kernel([&] {
    if (op != strettoSum) return;
    for (const int divisor : {2, 3, 7, 8, 1000003}) {
      for (const int n_sources : {1, 2, 5}) check(random_columns(n_sources, 1201), divisor);
    }
  });
}

// Counts around every vector and block length, addresses off every alignment, and each alias the contract allows.
TEST_P(Reduce, OddCountsAddressesAndAliases_WriteExactlyTheirElements) {
  for_each_kernel([&] {
    for (int trial = 0; trial < 150 && !HasFailure(); ++trial) {
      const int n_sources = 1 + static_cast<int>(random() % 5);
      check_placed(n_sources, trial < 80 ? static_cast<std::size_t>(trial) : random() % 2600);
    }
  });
}

std::vector<strettoDataType_t> every_type() {
  std::vector<strettoDataType_t> types;
  for (int type = 0; type < strettoNumDataTypes; ++type) types.push_back(static_cast<strettoDataType_t>(type));
  return types;
}

std::string type_of(const testing::TestParamInfo<strettoDataType_t>& test) {
  return std::string(data_type_name(test.param));
}

INSTANTIATE_TEST_SUITE_P(Types, Reduce, testing::ValuesIn(every_type()), type_of);
INSTANTIATE_TEST_SUITE_P(Types, ReduceOfHalfWords, testing::Values(strettoFloat16, strettoBfloat16), type_of);

TEST(FindReduce, ValidTypesAndOps_HaveKernels) {
  for (int type = 0; type < strettoNumDataTypes; ++type) {
    for (int op = 0; op < strettoNumRedOps; ++op) {
      EXPECT_NE(nullptr, find_reduce(static_cast<strettoDataType_t>(type), static_cast<strettoRedOp_t>(op)));
    }
  }
  EXPECT_EQ(find_reduce(strettoInt32, strettoSum), find_reduce(strettoInt32, strettoAvg));
}

TEST(FindReduce, InvalidNumbers_HaveNone) {
  EXPECT_EQ(nullptr, find_reduce(strettoNumDataTypes, strettoSum));
  EXPECT_EQ(nullptr, find_reduce(strettoInt8, strettoNumRedOps));
  EXPECT_EQ(nullptr, find_reduce(strettoInt8, strettoMaxRedOp));
}

TEST(ReduceVariants, Baseline_IsAlwaysThere) { EXPECT_NE(nullptr, kernel_table(ReduceVariant::baseline)); }

}  // namespace
}  // namespace stretto
