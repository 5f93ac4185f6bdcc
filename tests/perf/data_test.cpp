// The tools' oracle: it must accept what the library's arithmetic gives in any order, and nothing else.
#include "perf/common/data.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <string>

#include "exec/reduce/reduce.hpp"

namespace stretto::perf {
namespace {

constexpr std::size_t kCount = 256;
constexpr Origin kWhole{Origin::kEveryRank, 0, kCount};

using Bytes = std::vector<unsigned char>;
using Order = std::vector<std::size_t>;

struct Case {
  strettoDataType_t type;
  strettoRedOp_t op;
  int n_ranks;
};

std::vector<Case> every_case() {
  std::vector<Case> cases;
  for (const TypeRow& row : kTypes) {
    for (std::size_t op = 0; op < kOps.size(); ++op) {
      for (const int n : {2, 3, 4, 7, 16, 64}) cases.push_back({row.type, static_cast<strettoRedOp_t>(op), n});
    }
  }
  return cases;
}

std::string text_of(const Case& c) {
  return std::string(row_of(c.type).name) + " " + std::string(name_of(c.op)) + " of " + std::to_string(c.n_ranks);
}

ReduceFunction reduce_of(const Case& c) { return find_reduce(c.type, c.op == kMulSum ? strettoSum : c.op); }

/// What the ranks' inputs are to a reduction: multiplied, where the operation says so.
std::vector<Bytes> inputs_of(const Case& c, const Data& data) {
  std::vector<Bytes> inputs;
  for (int rank = 0; rank < c.n_ranks; ++rank) {
    inputs.emplace_back(kCount * row_of(c.type).bytes);
    data.fill(inputs.back().data(), rank, kCount);
    void* const given = inputs.back().data();
    if (c.op == kMulSum) find_scale(c.type)(given, given, kCount, data.scalar(rank));
  }
  return inputs;
}

Order rank_order(const Case& c) {
  Order order(static_cast<std::size_t>(c.n_ranks));
  std::iota(order.begin(), order.end(), std::size_t{0});
  return order;
}

/// As a ring would: two at a time, each partial result rounded to the type.
Bytes reduce_in_order(const Case& c, const std::vector<Bytes>& inputs, const Order& order) {
  const ReduceFunction reduce = reduce_of(c);
  Bytes result = inputs[order[0]];
  for (std::size_t i = 1; i < order.size(); ++i) {
    const void* sources[] = {result.data(), inputs[order[i]].data()};
    const bool divide = c.op == strettoAvg && i + 1 == order.size();
    reduce(result.data(), sources, 2, kCount, divide ? c.n_ranks : 1);
  }
  return result;
}

TEST(PerfData, RightResultsInAnyOrder_AreAccepted) {
  std::mt19937 random(20261121);
  for (const Case& c : every_case()) {
    const Data data(c.type, c.op, c.n_ranks, 11);
    const auto inputs = inputs_of(c, data);
    Order order = rank_order(c);
    for (int trial = 0; trial < 4; ++trial) {
      std::shuffle(order.begin(), order.end(), random);
      ASSERT_EQ(0U, data.count_wrong(reduce_in_order(c, inputs, order).data(), kWhole)) << text_of(c);
    }
  }
}

TEST(PerfData, AllSourcesInOneStep_AreAccepted) {
  for (const Case& c : every_case()) {
    const Data data(c.type, c.op, c.n_ranks, 12);
    const auto inputs = inputs_of(c, data);
    std::vector<const void*> sources;
    for (const Bytes& input : inputs) sources.push_back(input.data());
    Bytes result(inputs[0].size());
    reduce_of(c)(result.data(), sources.data(), c.n_ranks, kCount, c.op == strettoAvg ? c.n_ranks : 1);
    ASSERT_EQ(0U, data.count_wrong(result.data(), kWhole)) << text_of(c);
  }
}

// A rank forgotten, or counted twice: sums and products must show it in many elements, averages in some.
TEST(PerfData, LostOrDoubledContribution_IsFound) {
  for (const Case& c : every_case()) {
    if (c.op == strettoMax || c.op == strettoMin) continue;
    const Data data(c.type, c.op, c.n_ranks, 13);
    const auto inputs = inputs_of(c, data);
    const std::size_t least = c.op == strettoAvg ? 1 : kCount / 32;
    Order order = rank_order(c);
    order.push_back(0);
    EXPECT_GE(data.count_wrong(reduce_in_order(c, inputs, order).data(), kWhole), least) << text_of(c);
    order.resize(order.size() - 2);
    EXPECT_GE(data.count_wrong(reduce_in_order(c, inputs, order).data(), kWhole), least) << text_of(c);
  }
}

TEST(PerfData, ChangedBit_IsOneWrongElement) {
  for (const Case& c : every_case()) {
    // The others' floats have a tolerance.
    if (row_of(c.type).kind == Kind::floating && c.op != strettoMax && c.op != strettoMin) continue;
    const Data data(c.type, c.op, c.n_ranks, 14);
    Bytes result = reduce_in_order(c, inputs_of(c, data), rank_order(c));
    result[17 * row_of(c.type).bytes] ^= 1;
    EXPECT_EQ(1U, data.count_wrong(result.data(), kWhole)) << text_of(c);
  }
}

TEST(PerfData, NanAndPoison_AreWrong) {
  for (const Case& c : every_case()) {
    const Data data(c.type, c.op, c.n_ranks, 15);
    const Bytes poison(kCount * row_of(c.type).bytes, 0x6b);
    EXPECT_GT(data.count_wrong(poison.data(), kWhole), kCount / 2) << text_of(c);
    if (row_of(c.type).kind != Kind::floating) continue;
    const Bytes nan(kCount * row_of(c.type).bytes, 0xff);
    EXPECT_EQ(kCount, data.count_wrong(nan.data(), kWhole)) << text_of(c);
  }
}

TEST(PerfData, CopiedElements_MustBeThoseOfTheirRank) {
  const Data data(strettoFloat32, strettoSum, 4, 16);
  Bytes bytes(kCount * 4);
  data.fill(bytes.data(), 2, kCount);
  EXPECT_EQ(0U, data.count_wrong(bytes.data(), Origin{2, 0, kCount}));
  EXPECT_EQ(0U, data.count_wrong(bytes.data() + 40, Origin{2, 10, kCount - 10}));
  EXPECT_GT(data.count_wrong(bytes.data(), Origin{1, 0, kCount}), kCount / 4);
  EXPECT_EQ(0U, data.count_wrong(bytes.data(), Origin{Origin::kUntouched, 0, kCount}));
}

TEST(PerfData, MovedElements_AreAnyBitsAndComparedBitForBit) {
  for (const TypeRow& row : kTypes) {
    const Data data = Data::of_bits(row.type, 4, 17);
    Bytes bytes(kCount * row.bytes);
    data.fill(bytes.data(), 2, kCount);
    EXPECT_EQ(0U, data.count_wrong(bytes.data(), Origin{2, 0, kCount})) << row.name;
    EXPECT_GT(data.count_wrong(bytes.data(), Origin{1, 0, kCount}), kCount * 9 / 10) << row.name;
    EXPECT_GT(data.count_wrong(bytes.data() + row.bytes, Origin{2, 0, kCount - 1}), kCount * 9 / 10) << row.name;
    bytes.back() ^= 0x80;
    EXPECT_EQ(1U, data.count_wrong(bytes.data(), Origin{2, 0, kCount})) << row.name;
  }
}

TEST(HashBytes, EveryByte_Matters) {
  for (std::size_t size = 1; size < 40; ++size) {
    Bytes bytes(size, 0);
    const std::uint64_t before = hash_bytes(bytes.data(), size);
    for (unsigned char& byte : bytes) {
      byte = 1;
      EXPECT_NE(before, hash_bytes(bytes.data(), size));
      byte = 0;
    }
  }
}

}  // namespace
}  // namespace stretto::perf
