// What of a batch is fused, and that packing and unpacking lose nothing.
#include "comm/fuse.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace stretto {
namespace {

Operation sum_of(std::size_t count, strettoDataType_t type = strettoInt64, strettoRedOp_t op = strettoSum) {
  return {{Collective::all_reduce, count, type, op, -1}, nullptr, nullptr, 0};
}

Operation broadcast_of(std::size_t count, Rank root) {
  return {{Collective::broadcast, count, strettoInt64, strettoSum, root}, nullptr, nullptr, 0};
}

TEST(Fuse, SmallAllReducesOfOneKind_AreOne) {
  EXPECT_EQ(fuse({sum_of(1), sum_of(0), sum_of(100)}), (std::vector<Unit>{{0, 3}}));
  EXPECT_EQ(fuse({sum_of(1)}), (std::vector<Unit>{{0, 1}}));
  EXPECT_TRUE(fuse({}).empty());
}

TEST(Fuse, OtherTypesOperationsRootsAndCollectives_PartThem) {
  EXPECT_EQ(fuse({sum_of(1), sum_of(1, strettoFloat64), sum_of(1, strettoFloat64)}),
            (std::vector<Unit>{{0, 1}, {1, 2}}));
  EXPECT_EQ(fuse({sum_of(1), sum_of(1, strettoInt64, strettoMax)}), (std::vector<Unit>{{0, 1}, {1, 1}}));
  EXPECT_EQ(fuse({broadcast_of(1, 0), broadcast_of(1, 0), broadcast_of(1, 1)}), (std::vector<Unit>{{0, 2}, {2, 1}}));
  EXPECT_EQ(fuse({sum_of(1), broadcast_of(1, 0), sum_of(1)}), (std::vector<Unit>{{0, 1}, {1, 1}, {2, 1}}));
}

TEST(Fuse, LargeOnesAndUserMadeOperations_StayAlone) {
  const std::size_t most = kLargestFusedPartBytes / 8;
  EXPECT_EQ(fuse({sum_of(most), sum_of(most), sum_of(most + 1), sum_of(1)}),
            (std::vector<Unit>{{0, 2}, {2, 1}, {3, 1}}));
  const auto user_made = static_cast<strettoRedOp_t>(strettoNumRedOps + 1);
  EXPECT_EQ(fuse({sum_of(1, strettoInt64, user_made), sum_of(1, strettoInt64, user_made)}),
            (std::vector<Unit>{{0, 1}, {1, 1}}));
}

TEST(Fuse, Total_IsBounded) {
  const Batch batch(100, sum_of(kLargestFusedPartBytes / 8));
  const std::size_t fit = kLargestFusedBytes / kLargestFusedPartBytes;
  const std::vector<Unit> units = fuse(batch);
  EXPECT_EQ(units.front(), (Unit{0, fit}));
  std::size_t operations = 0;
  for (const Unit& unit : units) {
    EXPECT_EQ(unit.first, operations);
    EXPECT_LE(unit.count, fit);
    operations += unit.count;
  }
  EXPECT_EQ(operations, batch.size());
}

TEST(Fuse, FusedOperation_CarriesAllPartsAndTheLongestDeadline) {
  const std::size_t counts[] = {3, 0, 5, 1};
  std::vector<std::vector<std::int64_t>> inputs;
  std::vector<std::vector<std::int64_t>> outputs;
  for (const std::size_t count : counts) {
    inputs.emplace_back(count);
    std::iota(inputs.back().begin(), inputs.back().end(), static_cast<std::int64_t>(100 * inputs.size()));
    outputs.emplace_back(count, -1);
  }
  Batch batch;
  for (std::size_t i = 0; i < 4; ++i) {
    batch.push_back(sum_of(counts[i]));
    batch.back().input = inputs[i].data();
    batch.back().output = outputs[i].data();
    batch.back().timeout_ns = static_cast<std::int64_t>(10 * i);
  }
  FusedOperation fused(batch, {0, 4}, 0);
  const Operation operation = fused.operation();
  EXPECT_EQ(operation.request.count, 9U);
  EXPECT_EQ(operation.timeout_ns, 30);
  EXPECT_EQ(operation.input, operation.output);
  auto* values = static_cast<std::int64_t*>(operation.output);
  for (std::size_t i = 0; i < 9; ++i) ++values[i];
  fused.unpack();
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t j = 0; j < counts[i]; ++j) EXPECT_EQ(outputs[i][j], inputs[i][j] + 1);
  }
}

TEST(Fuse, FusedBroadcast_ReadsTheRootsBuffersOnly) {
  std::int64_t received[2] = {-1, -1};
  Batch batch = {broadcast_of(1, 1), broadcast_of(1, 1)};
  for (std::size_t i = 0; i < 2; ++i) batch[i].output = &received[i];  // inputs are NULL: this is not the root
  FusedOperation fused(batch, {0, 2}, 0);
  auto* values = static_cast<std::int64_t*>(fused.operation().output);
  values[0] = 7;
  values[1] = 8;
  fused.unpack();
  EXPECT_EQ(received[0], 7);
  EXPECT_EQ(received[1], 8);
}

TEST(Fuse, SendsAndReceivesOfAGroup_ComeFirstAndAreOne) {
  const auto pair = [](Collective direction, int peer) {
    return Operation{{direction, 4, strettoInt64, strettoSum, peer}, nullptr, nullptr, 0};
  };
  const Batch batch = pairs_first(
      {sum_of(1), pair(Collective::send, 1), sum_of(100'000), pair(Collective::receive, 2), pair(Collective::send, 3)});
  ASSERT_EQ(batch.size(), 5U);
  EXPECT_EQ(batch[0].request.root, 1);
  EXPECT_EQ(batch[1].request.root, 2);
  EXPECT_EQ(batch[2].request.root, 3);
  EXPECT_EQ(batch[3].request.count, 1U);
  EXPECT_EQ(fuse(batch), (std::vector<Unit>{{0, 3}, {3, 1}, {4, 1}}));
}

}  // namespace
}  // namespace stretto
