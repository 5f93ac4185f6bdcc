// The kernel for exchanges by wide packets, on host threads: blocks of several rounds, to the oracle's results and by
// the plan's steps. ThreadSanitizer judges what passes between blocks and threads.
#include "device/wide_exchange_runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <utility>

#include "device/window_shapes.hpp"
#include "exchange_group.hpp"
#include "planner/device_choice.hpp"

namespace stretto {
namespace {

using test::ExchangeGroup;
using test::RankCall;

constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;
constexpr auto kWide = device::Protocol::wide;
/// Of 8 bytes: a channel's messages hold 960.
constexpr std::size_t kElementsPerRound = 2 * 120;

TEST(WideExchange, EveryCollective_EqualsTheOracle) {
  test::expect_the_oracles_results(kWide, {2, 3, 4, 8}, {0, 1, 14, 15, 16, 121, 239, 240, 241, 500, 1203}, 20261128);
}

/// Flags are refreshed on the way: each slot's once in four uses.
TEST(WideExchange, CountersThatWrap_LoseNothing) {
  std::mt19937_64 random(7);
  ExchangeGroup group(kWide, Collective::all_reduce, 3, -1, 11);
  group.team().pretend_history(0U - 9U);
  for (int turn = 0; turn < 30; ++turn) {
    const CollectiveCase c{Collective::all_reduce, 3, -1, static_cast<std::size_t>(1 + random() % 1000)};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs)) << "turn " << turn;
  }
}

/// The packets of a slot behind a short message have its flag when it was refreshed, and older ones before.
TEST(WideExchange, SlotThatIsRefreshed_HasNoOldFlags) {
  std::mt19937_64 random(3);
  ExchangeGroup group(kWide, Collective::all_reduce, 2, -1, 5);
  const device::WindowShape& shape = group.team().shape();
  const std::uint32_t messages = shape.packet_slots * shape.refresh_period;
  for (std::uint32_t message = 0; message < messages; ++message) {
    const CollectiveCase c{Collective::all_reduce, 2, -1, 1};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
    const bool refreshed = message / shape.packet_slots + 1 == shape.refresh_period;
    EXPECT_EQ(group.team().wide_flags_of_message(0, 1, message), refreshed ? shape.wide_packets : 1U) << message;
  }
}

/// Packets of both kinds have their slots' flags refreshed by messages of either, since connections count them all.
TEST(WideExchange, MessagesByPackets_RefreshWideOnesToo) {
  std::mt19937_64 random(4);
  for (const bool short_sum : {false, true}) {
    ExchangeGroup group(device::Protocol::packets, Collective::all_reduce, 2, -1, 6);
    group.short_sum = short_sum;
    const device::WindowShape& shape = group.team().shape();
    const std::uint32_t messages = shape.packet_slots * shape.refresh_period;
    for (std::uint32_t message = 0; message < messages; ++message) {
      const CollectiveCase c{Collective::all_reduce, 2, -1, 1};
      const std::vector<Buffer> inputs = random_inputs(c, random);
      ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
      const bool refreshed = message / shape.packet_slots + 1 == shape.refresh_period;
      EXPECT_EQ(group.team().wide_flags_of_message(0, 1, message), refreshed ? shape.wide_packets : 0U) << message;
    }
  }
}

/// One connection's messages by either kind of packets, while counters wrap and flags are refreshed.
TEST(WideExchange, KindsOfPacketsInTurn_LoseNothing) {
  std::mt19937_64 random(8);
  ExchangeGroup group(kWide, Collective::all_reduce, 3, -1, 12);
  group.team().pretend_history(0U - 40U);
  for (int turn = 0; turn < 60; ++turn) {
    const bool wide = random() % 2 == 0;
    group.change_to(wide ? kWide : device::Protocol::packets);
    const CollectiveCase c{Collective::all_reduce, 3, -1, static_cast<std::size_t>(random() % (wide ? 1000 : 200))};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, random() % 2 == 0), expected_outputs(c, inputs)) << "turn " << turn;
  }
}

/// Each step of the plan that moves something, or gives a credit back, ran once a round: those of a round in the plan's
/// order, puts a round ahead at most, and each credit after its message was read.
TEST(WideExchange, WhatRan_IsThePlanRoundByRound) {
  constexpr std::uint32_t kRounds = 4;
  std::mt19937_64 random(5);
  for (const CollectiveRow& row : collective_rows()) {
    const Rank root = row.rooted ? 2 : -1;
    SCOPED_TRACE(row.name);
    ExchangeGroup group(kWide, row.collective, 4, root, 17);
    const CollectiveCase c{row.collective, 4, root, kRounds * kElementsPerRound};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
    for (std::size_t rank = 0; rank < 4; ++rank) {
      for (std::uint32_t s = 0; s < ExchangeGroup::kChannels; ++s) {
        const std::vector<Step>& steps = group.plan(rank).program.strands[s].body;
        std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> ran;  // {round, step}: when
        for (const test::LoggedStep& entry : group.results()[rank].steps) {
          if (entry.strand != s) continue;
          EXPECT_TRUE(ran.try_emplace({entry.round, entry.step}, ran.size()).second) << "a step ran twice";
        }
        std::size_t expected = 0;
        for (std::uint32_t i = 0; i < steps.size(); ++i) {
          const bool from_scratch = steps[i].kind == StepKind::copy && steps[i].sources[0].space == Space::scratch;
          const bool moves = steps[i].kind == StepKind::put || steps[i].kind == StepKind::get ||
                             steps[i].kind == StepKind::reduce || (steps[i].kind == StepKind::copy && !from_scratch);
          if (!moves && steps[i].kind != StepKind::release) continue;
          for (std::uint32_t round = 0; round < kRounds; ++round) {
            ++expected;
            ASSERT_TRUE(ran.contains({round, i})) << "rank " << rank << " step " << i << " round " << round;
            const std::size_t at = ran[{round, i}];
            EXPECT_TRUE(round == 0 || at > ran[std::pair(round - 1, i)]) << "rounds come one after another";
            for (std::uint32_t j = 0; j < steps.size(); ++j) {
              if (steps[j].kind != StepKind::get && steps[j].kind != StepKind::reduce) continue;
              const bool releases = steps[i].kind == StepKind::release;
              const bool puts = steps[i].kind == StepKind::put && round > 1;
              EXPECT_TRUE(!releases || at > ran[std::pair(round, j)]) << "it has not been read";
              EXPECT_TRUE(!puts || at > ran[std::pair(round - 2, j)]) << "no more than a round ahead";
            }
          }
        }
        EXPECT_EQ(ran.size(), expected) << "rank " << rank << " strand " << s;
      }
    }
  }
}

TEST(WideExchange, RoundsOfTheKernel_AreTheGeometrys) {
  std::mt19937_64 random(9);
  for (int turn = 0; turn < 2000; ++turn) {
    const std::size_t element_bytes = std::size_t{1} << random() % 4;
    const std::size_t capacity_bytes = 960 * (1 + random() % 16);
    const std::size_t count = random() % (std::size_t{1} << random() % 20);
    const int channels = 1 + static_cast<int>(random() % 128);
    const Geometry geometry({1, 1, channels, 1}, count, element_bytes, capacity_bytes);
    for (const int channel : {0, channels / 2, channels - 1}) {
      const ChannelGeometry expected = geometry.channel(channel);
      const auto rounds = device::WideRounds::of(static_cast<std::uint32_t>(expected.elements * element_bytes),
                                                 static_cast<std::uint32_t>(capacity_bytes));
      ASSERT_EQ(rounds.count, expected.rounds) << count << " of " << element_bytes << " on " << channels;
      if (expected.elements == 0) continue;
      ASSERT_EQ(rounds.message_bytes, expected.chunk_elements * element_bytes)
          << count << " of " << element_bytes << " bytes on " << channels << " channels, " << capacity_bytes;
    }
  }
}

/// Whatever goes by wide packets is an exchange, on each rank: the engine has nothing else for it.
TEST(WideExchange, WhateverIsChosen_IsRecognised) {
  std::size_t n_wide = 0;
  for (const int n : {2, 3, 4, 8}) {
    for (const int channels : {1, 2, 5, 32, 64}) {
      const device::WindowShape shape = window_shape(n, channels);
      const DeviceModel model = default_device_model(device_slots(shape), channels);
      for (const CollectiveRow& row : collective_rows()) {
        for (const std::uint64_t bytes : {0UL, 1UL, 1000UL, 1UL << 20, 9'000'001UL, 64UL << 20, 256UL << 20}) {
          const Rank root = row.rooted ? n - 1 : -1;
          const DeviceChoice choice =
              choose_device_plan(row.collective, bytes, n, root, model, {"", DeviceProtocol::wide});
          if (choice.protocol != DeviceProtocol::wide) continue;
          ++n_wide;
          EXPECT_LE(choice.spec.channels, 2 * channels);
          for (const Rank rank : {0, n - 1}) {
            const PreparedPlan plan = prepare(make_plan(choice.spec, rank), {});
            const Binding binding = bind_request({row.collective, bytes, strettoUint8, strettoSum, root}, plan,
                                                 shape.wide_capacity_bytes());
            EXPECT_TRUE(recognise_wide_exchange(binding, shape.wide_capacity_bytes()))
                << row.name << " of " << bytes << " bytes, rank " << rank << " of " << n << ", " << channels;
          }
        }
      }
    }
  }
  EXPECT_GT(n_wide, 500U);
}

/// Ranks whose calls differ in their count are told so, and no result is written from another call's message.
TEST(WideExchange, CallsThatDiffer_AreTold) {
  ExchangeGroup group(kWide, Collective::all_reduce, 2, -1, 13);
  group.team().timeout_ms = 5'000;
  std::vector<device::Exchange> exchanges = {group.recognise(0, 300).value(), group.recognise(1, 300).value()};
  exchanges[1].descriptor = exchanges[0].descriptor + 1;
  const std::vector<std::int64_t> in(300, 1);
  std::vector<Buffer> out(2, Buffer(300, kPoison));
  const std::vector<RankCall> calls = ExchangeGroup::calls_of(exchanges, in, out);
  const auto results = group.team().run(kWide, strettoInt64, strettoSum, true, calls);
  for (std::size_t rank = 0; rank < 2; ++rank) {
    ASSERT_FALSE(results[rank].failures.empty()) << "rank " << rank;
    // The thread that looks at the greeting tells; others may give up meanwhile.
    EXPECT_TRUE(std::ranges::any_of(results[rank].failures, [&](const test::Failure& failure) {
      return failure.reason == device::KernelFailure::disagreement && failure.peer == 1 - rank;
    }));
    EXPECT_TRUE(group.team().is_dead(static_cast<Rank>(rank)));
  }
}

TEST(WideExchange, RankThatDoesNotCome_IsNamedAndTheWindowIsDead) { test::expect_an_absent_rank_is_named(kWide, 700); }

/// Two executions of one graph in its lane at once: the one that comes second finds the mark of the first.
TEST(WideExchange, TwoRunsAtOnce_AreTold) {
  ExchangeGroup group(kWide, Collective::all_reduce, 2, -1, 31);
  group.team().timeout_ms = 2'000;
  std::vector<device::Exchange> exchanges = {group.recognise(0, 300).value(), group.recognise(1, 300).value()};
  group.team().pretend_busy(0, 1);
  const std::vector<std::int64_t> in(300, 1);
  std::vector<Buffer> out(2, Buffer(300, kPoison));
  const std::vector<RankCall> calls = ExchangeGroup::calls_of(exchanges, in, out);
  const auto results = group.team().run(kWide, strettoInt64, strettoSum, true, calls);
  ASSERT_FALSE(results[0].failures.empty());
  for (const test::Failure& failure : results[0].failures) {
    EXPECT_EQ(failure.reason, device::KernelFailure::concurrent);
  }
  EXPECT_TRUE(group.team().is_dead(0));
}

TEST(WideExchange, OtherAlgorithmsAndUnequalBlocks_AreNone) {
  for (const AlgorithmRow& algorithm : catalogue()) {
    if (algorithm.name == "one_shot" || !algorithm.supports(Collective::all_reduce)) continue;
    PlanSpec spec;
    spec.collective = Collective::all_reduce;
    spec.algorithm = algorithm.name;
    spec.n_ranks = 4;
    spec.channels = algorithm.channel_multiple;
    const PreparedPlan plan = prepare(make_plan(spec, 0), {});
    const Request request{Collective::all_reduce, 10, strettoInt64, strettoSum, -1};
    EXPECT_FALSE(recognise_wide_exchange(bind_request(request, plan, 960), 960)) << algorithm.name;
  }
  PlanSpec spec;
  spec.collective = Collective::all_gather;
  spec.algorithm = "one_shot";
  spec.n_ranks = 2;
  spec.channels = 1;
  const PreparedPlan plan = prepare(make_plan(spec, 0), {});
  Binding binding = bind_request({Collective::all_gather, 10, strettoInt64, strettoSum, -1}, plan, 960);
  EXPECT_TRUE(recognise_wide_exchange(binding, 960));
  BlockSizes sizes;
  sizes.counts = {10, 3};
  bind_sizes(binding, Collective::all_gather_v, sizes, 960);
  EXPECT_FALSE(recognise_wide_exchange(binding, 960));
}

}  // namespace
}  // namespace stretto
