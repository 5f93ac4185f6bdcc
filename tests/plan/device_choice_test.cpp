// What device communicators choose, by the constants that real GPUs have.
#include "planner/device_choice.hpp"

#include <gtest/gtest.h>

namespace stretto {
namespace {

DeviceChoice choose(Collective collective, std::uint64_t bytes, int n) {
  const DeviceModel model = default_device_model(4 << 10, 2, 64 << 10, 2, 64);
  return choose_device_plan(collective, bytes, n, -1, model, "");
}

TEST(DeviceChoice, SmallSums_GoInOneShotOfPackets) {
  for (const int n : {2, 3, 4}) {
    for (const std::uint64_t bytes : {8U, 4096U, 65'536U}) {
      const DeviceChoice choice = choose(Collective::all_reduce, bytes, n);
      EXPECT_TRUE(choice.by_packets) << n << " ranks, " << bytes << " bytes";
      EXPECT_EQ(choice.spec.algorithm, "one_shot") << n << " ranks, " << bytes << " bytes";
    }
  }
}

/// Two ranks: both algorithms send a block each, but only one_shot sends all of it while it receives.
TEST(DeviceChoice, LargeSumsOfTwoRanks_GoInOneShotOfSlots) {
  for (std::uint64_t bytes = 4 << 20; bytes <= std::uint64_t{4} << 30; bytes *= 4) {
    const DeviceChoice choice = choose(Collective::all_reduce, bytes, 2);
    EXPECT_FALSE(choice.by_packets) << bytes;
    EXPECT_EQ(choice.spec.algorithm, "one_shot") << bytes;
    EXPECT_EQ(choice.spec.channels, 64) << bytes;
  }
}

TEST(DeviceChoice, LargeSumsOfMoreRanks_DoNotTakeOneShot) {
  for (const int n : {3, 4, 8}) {
    for (const std::uint64_t bytes : {std::uint64_t{1} << 20, std::uint64_t{64} << 20}) {
      const DeviceChoice choice = choose(Collective::all_reduce, bytes, n);
      EXPECT_NE(choice.spec.algorithm, "one_shot") << n << " ranks, " << bytes << " bytes";
    }
  }
}

TEST(DeviceChoice, TwiceTheBytes_NeverCostLess) {
  for (const CollectiveRow& row : collective_rows()) {
    Picoseconds before = 0;
    for (std::uint64_t bytes = 64; bytes <= std::uint64_t{1} << 33; bytes *= 2) {
      const DeviceModel model = default_device_model(4 << 10, 2, 64 << 10, 2, 64);
      const Picoseconds cost = choose_device_plan(row.collective, bytes, 2, row.rooted ? 0 : -1, model, "").cost;
      EXPECT_GE(cost, before) << row.name << " " << bytes;
      before = cost;
    }
  }
}

}  // namespace
}  // namespace stretto
