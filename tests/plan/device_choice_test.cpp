// What device communicators choose, by the constants that real GPUs have.
#include "planner/device_choice.hpp"

#include <gtest/gtest.h>

#include "device/window_shapes.hpp"

namespace stretto {
namespace {

DeviceModel model_of(int n) { return default_device_model(device_slots(window_shape(n, 64)), 64); }

DeviceChoice choose(Collective collective, std::uint64_t bytes, int n) {
  return choose_device_plan(collective, bytes, n, -1, model_of(n));
}

TEST(DeviceChoice, SmallSums_GoInOneShotOfPackets) {
  for (const int n : {2, 3, 4}) {
    for (const std::uint64_t bytes : {8U, 4096U, 16'384U}) {
      const DeviceChoice choice = choose(Collective::all_reduce, bytes, n);
      EXPECT_EQ(choice.protocol, DeviceProtocol::packets) << n << " ranks, " << bytes << " bytes";
      EXPECT_EQ(choice.spec.algorithm, "one_shot") << n << " ranks, " << bytes << " bytes";
    }
  }
}

/// Two ranks: both algorithms send a block each, but only one_shot sends all of it while it receives.
TEST(DeviceChoice, LargeSumsOfTwoRanks_GoInOneShotOfSlots) {
  for (std::uint64_t bytes = 64 << 20; bytes <= std::uint64_t{4} << 30; bytes *= 4) {
    const DeviceChoice choice = choose(Collective::all_reduce, bytes, 2);
    EXPECT_EQ(choice.protocol, DeviceProtocol::slots) << bytes;
    EXPECT_EQ(choice.spec.algorithm, "one_shot") << bytes;
    EXPECT_EQ(choice.spec.channels, 64) << bytes;
  }
}

TEST(DeviceChoice, MiddleSizesOfTwoRanks_GoByWidePackets) {
  for (const Collective collective : {Collective::all_reduce, Collective::all_gather, Collective::broadcast}) {
    for (std::uint64_t bytes = 512 << 10; bytes <= 16 << 20; bytes *= 2) {
      const Rank root = row_of(collective).rooted ? 0 : -1;
      const DeviceChoice choice = choose_device_plan(collective, bytes, 2, root, model_of(2));
      EXPECT_EQ(choice.protocol, DeviceProtocol::wide) << row_of(collective).name << " " << bytes;
      EXPECT_LE(choice.spec.channels, 128) << bytes;
    }
  }
}

/// It has launches in it, behind which bytes may seem free, or starts long.
TEST(DeviceChoice, WhatWasMeasuredOnAStream_PredictsAndDoesNotChoose) {
  PairTimes measured;
  measured.packets_byte_fs = measured.wide_byte_fs = measured.slots_start = 0;
  measured.wide_start = 25'000'000;
  const DeviceModel model = default_device_model(device_slots(window_shape(2, 64)), 64, measured);
  for (std::uint64_t bytes = 8; bytes <= std::uint64_t{1} << 30; bytes *= 2) {
    const DeviceChoice usual = choose_device_plan(Collective::all_reduce, bytes, 2, -1, model_of(2));
    const DeviceChoice choice = choose_device_plan(Collective::all_reduce, bytes, 2, -1, model);
    EXPECT_EQ(choice.protocol, usual.protocol) << bytes;
    EXPECT_NE(choice.cost, usual.cost) << bytes;
  }
}

TEST(DeviceChoice, WhatIsAskedFor_ServesWhereItCan) {
  const DeviceModel model = model_of(2);
  for (const DeviceProtocolRow& row : device_protocol_rows()) {
    const DeviceChoice choice = choose_device_plan(Collective::all_reduce, 1 << 20, 2, -1, model, {"", row.protocol});
    EXPECT_EQ(choice.protocol, row.protocol) << row.text;
  }
  // No ring, no ninth rank, no block beyond what arguments can say, and nothing between GPUs that no NVLink joins goes
  // by wide packets: then by what is cheapest.
  DeviceModel apart = model;
  apart.wide_channels = 0;
  struct Case {
    const char* algorithm;
    std::uint64_t bytes;
    int n_ranks;
    DeviceModel model;
  };
  for (const Case& c : {Case{"ring", 1 << 20, 2, model}, Case{"", 1 << 20, 9, model_of(9)},
                        Case{"", std::uint64_t{1} << 30, 2, model}, Case{"", 64 << 20, 2, apart}}) {
    const auto choose_by = [&](std::optional<DeviceProtocol> protocol) {
      return choose_device_plan(Collective::all_reduce, c.bytes, c.n_ranks, -1, c.model, {c.algorithm, protocol});
    };
    EXPECT_NE(choose_by(DeviceProtocol::wide).protocol, DeviceProtocol::wide);
    EXPECT_EQ(choose_by(DeviceProtocol::wide).protocol, choose_by(std::nullopt).protocol);
  }
}

TEST(DeviceChoice, LargeSumsOfMoreRanks_DoNotTakeOneShot) {
  for (const int n : {3, 4, 8}) {
    for (const std::uint64_t bytes : {std::uint64_t{16} << 20, std::uint64_t{64} << 20}) {
      const DeviceChoice choice = choose(Collective::all_reduce, bytes, n);
      EXPECT_NE(choice.spec.algorithm, "one_shot") << n << " ranks, " << bytes << " bytes";
    }
  }
}

TEST(DeviceChoice, TwiceTheBytes_NeverCostLess) {
  for (const CollectiveRow& row : collective_rows()) {
    Picoseconds before = 0;
    for (std::uint64_t bytes = 64; bytes <= std::uint64_t{1} << 33; bytes *= 2) {
      const DeviceModel model = model_of(2);
      const Picoseconds cost = choose_device_plan(row.collective, bytes, 2, row.rooted ? 0 : -1, model).cost;
      EXPECT_GE(cost, before) << row.name << " " << bytes;
      before = cost;
    }
  }
}

}  // namespace
}  // namespace stretto
