// The kernel for the smallest sums on host threads: to the caller and to the peers it is the one for exchanges, on any
// mix of ranks. ThreadSanitizer judges what passes between blocks and threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "exec/reduce/reduce.hpp"
#include "short_sum_ranks.hpp"

namespace stretto {
namespace {

using test::Bytes;
using test::kAll;
using test::most_elements;
using test::random_inputs;
using test::Ranks;
using test::Short;
using test::Sum;
using test::windows_for;

/// What the host's kernels make of the inputs, in rank order.
Bytes on_host(const Sum& sum, const std::vector<Bytes>& inputs) {
  std::vector<const void*> sources;
  for (const Bytes& input : inputs) sources.push_back(input.data());
  Bytes result(inputs.front().size());
  const int n = static_cast<int>(inputs.size());
  find_reduce(sum.type, sum.op)(result.data(), sources.data(), n, sum.count, sum.op == strettoAvg ? n : 1);
  return result;
}

/// An operation of any size that fits, in any place.
Sum draw(int n, strettoDataType_t type, strettoRedOp_t op, std::mt19937_64& random, int channels = 1) {
  const std::size_t most = most_elements(n, type, channels);
  const std::size_t counts[] = {0, 1, 2, 3, 1 + random() % 17, random() % most, most};
  const std::size_t element_bytes = data_type_bytes(type);
  const std::size_t shifts[] = {0, 0, element_bytes, 1 + random() % 7};
  return {type, op, counts[random() % std::size(counts)], random() % 2 == 0, shifts[random() % std::size(shifts)]};
}

class ShortSumOf : public testing::TestWithParam<int> {};

TEST_P(ShortSumOf, AnyRanksAndSizes_GiveTheExchangesBits) {
  const auto type = static_cast<strettoDataType_t>(GetParam());
  const std::uint64_t seed = 20261127 + static_cast<std::uint64_t>(GetParam());
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  for (int n = 2; n <= 8; ++n) {
    const int channels = random() % 2 == 0 ? 1 : 2 + static_cast<int>(random() % 3);
    Ranks ranks(n, random(), channels);
    for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg}) {
      const Sum sum = draw(n, type, op, random, channels);
      SCOPED_TRACE(testing::Message() << red_op_name(op) << " of " << sum.count << ", n=" << n << " on " << channels
                                      << " channels, in place " << sum.in_place << " shift " << sum.shift_bytes);
      const std::vector<Bytes> inputs = random_inputs(n, sum, random);
      const std::vector<Bytes> by_exchange = ranks.run(sum, inputs, 0);
      EXPECT_EQ(by_exchange.front(), sum.count == 0 ? Bytes() : on_host(sum, inputs));
      ranks.team().threads_per_block = 1 + static_cast<std::uint32_t>(random() % 3);
      EXPECT_EQ(ranks.run(sum, inputs, kAll), by_exchange) << "by the kernel for the smallest";
      EXPECT_EQ(ranks.run(sum, inputs, static_cast<Short>(random())), by_exchange) << "by some of either";
      EXPECT_TRUE(ranks.team().is_quiet()) << "messages and credits do not balance";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Types, ShortSumOf, testing::Range(0, static_cast<int>(strettoNumDataTypes)),
                         [](const auto& instance) {
                           return std::string(data_type_name(static_cast<strettoDataType_t>(instance.param)));
                         });

TEST(ShortSum, CountersThatWrap_LoseNothingWhoeverRunsWhat) {
  std::mt19937_64 random(7);
  for (const auto& [n, channels] : {std::pair{2, 1}, {2, 3}, {3, 2}, {5, 1}}) {
    Ranks ranks(n, random(), channels);
    ranks.team().pretend_history(0U - 13U);
    for (int round = 0; round < 40; ++round) {
      if (random() % 4 == 0) ranks.broadcast(static_cast<std::int64_t>(random()), kAll);
      const Sum sum = draw(n, strettoInt32, strettoSum, random, channels);
      const std::vector<Bytes> inputs = random_inputs(n, sum, random);
      const Short which = round % 3 == 0 ? kAll : static_cast<Short>(random());
      const Bytes expected = sum.count == 0 ? Bytes() : on_host(sum, inputs);
      for (const Bytes& output : ranks.run(sum, inputs, which)) {
        ASSERT_EQ(output, expected) << "n=" << n << " round " << round << " by " << which;
      }
      ASSERT_TRUE(ranks.team().is_quiet());
    }
  }
}

/// Counters, credits, greetings, packets with their flags, and the new flags that all packets of a slot get once in a
/// while, so that none lives for 2^32 messages.
TEST(ShortSum, Windows_AreLeftAsByTheExchange) {
  std::mt19937_64 random(3);
  for (const auto& [n, channels] : {std::pair{2, 1}, {2, 4}, {3, 2}, {8, 1}}) {
    Ranks by_short(n, 1, channels);
    Ranks by_exchange(n, 1, channels);
    bool refreshed = false;
    for (std::uint32_t message = 0; message < 20; ++message) {
      const Sum sum = draw(n, strettoInt64, strettoSum, random, channels);
      const std::vector<Bytes> inputs = random_inputs(n, sum, random);
      ASSERT_EQ(by_short.run(sum, inputs, kAll), by_exchange.run(sum, inputs, 0));
      for (Rank rank = 0; rank < n; ++rank) {
        ASSERT_EQ(by_short.team().window_bytes(rank), by_exchange.team().window_bytes(rank))
            << "n=" << n << " rank " << rank << " message " << message;
      }
      const std::size_t flags = by_short.team().flags_of_message(0, 1, message);
      refreshed = refreshed || flags == 2 * by_short.team().shape().packets_per_slot();
    }
    EXPECT_TRUE(refreshed);
  }
}

TEST(ShortSum, WhatRan_IsThePlan) {
  for (const int n : {2, 4, 8}) {
    Ranks ranks(n, 5);
    ranks.team().threads_per_block = 1;  // which has all to log
    std::mt19937_64 random(5);
    const Sum sum{strettoInt64, strettoSum, 9};
    ranks.run(sum, random_inputs(n, sum, random), kAll);
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(n); ++rank) {
      const std::vector<Step>& steps = ranks.plan(rank).program.strands[0].body;
      std::multiset<std::uint32_t> expected;
      for (std::uint32_t i = 0; i < steps.size(); ++i) {
        const bool is_done =
            steps[i].kind == StepKind::put || steps[i].kind == StepKind::reduce || steps[i].kind == StepKind::release;
        if (is_done) expected.insert(i);
      }
      std::multiset<std::uint32_t> ran;
      std::vector<StepKind> kinds;
      for (const test::LoggedStep& entry : ranks.results()[rank].steps) {
        ran.insert(entry.step);
        kinds.push_back(steps[entry.step].kind);
      }
      EXPECT_EQ(ran, expected) << "rank " << rank << " of " << n;
      // Puts to different peers have no order; all come before the sum, and all credits after it.
      const auto sums = std::ranges::find(kinds, StepKind::reduce);
      EXPECT_TRUE(std::all_of(kinds.begin(), sums, [](StepKind kind) { return kind == StepKind::put; }));
      EXPECT_EQ(std::count(sums, kinds.end(), StepKind::release), n - 1);
    }
  }
}

TEST(ShortSum, WhatFits_IsSmallAndPlain) {
  const auto fits = [](const device::Exchange& exchange) { return device::short_sum_of({exchange, {}}).has_value(); };
  for (int n = 2; n <= 8; ++n) {
    const Ranks ranks(n, 1);
    const auto of = [&](std::size_t count) {
      device::Exchange exchange = ranks.exchange(0, {strettoInt8, strettoSum, count});
      exchange.rank = 0;
      device::place_exchange(exchange, windows_for(n));
      return exchange;
    };
    const std::size_t most = most_elements(n, strettoInt8);
    EXPECT_TRUE(fits(of(0)) && fits(of(1)) && fits(of(most))) << "n=" << n;
    // Of two ranks what fits fills a slot, and more is no exchange.
    EXPECT_TRUE(n == 2 || !fits(of(most + 1))) << "n=" << n;
    device::Exchange exchange = of(8);
    exchange.multiplies = true;
    EXPECT_FALSE(fits(exchange)) << "products are made by the other kernel";
    exchange = of(8);
    exchange.waits = true;
    EXPECT_FALSE(fits(exchange)) << "another stream is waited for by the other kernel";
    exchange = of(8);
    exchange.sums = false;
    EXPECT_FALSE(fits(exchange));
    exchange = of(8);
    exchange.peers[0].send_channels = 2;
    EXPECT_FALSE(fits(exchange));
    exchange = of(8);
    exchange.peers[0].receive_salt = 1;
    EXPECT_FALSE(fits(exchange));
    exchange = of(8);
    exchange.peers[0].receive_share_lines = 2;
    EXPECT_FALSE(fits(exchange));
  }
}

/// Each packet of each peer is one thread's, for any number of packets.
TEST(ShortSum, InverseOfPackets_DividesEveryPart) {
  const Ranks ranks(2, 1);
  for (std::size_t packets = 1; packets <= device::kMostShortSumParts; ++packets) {
    device::Exchange exchange = ranks.exchange(0, {strettoInt64, strettoSum, packets});
    device::place_exchange(exchange, windows_for(2));
    const device::ShortSum sum = device::short_sum_of({exchange, {}}).value().sum;
    ASSERT_EQ(sum.packets, packets);
    ASSERT_EQ(sum.threads() * sum.parts_per_thread(), sum.parts_per_thread() == 1 ? packets : (packets + 1) / 2 * 2);
    ASSERT_LE(sum.threads(), device::kMostShortSumThreads);
    const auto all = static_cast<std::uint32_t>(packets * device::kMostExchangePeers);
    for (std::uint32_t part = 0; part < std::min(all, device::kMostShortSumParts); ++part) {
      ASSERT_EQ(part * sum.inverse >> device::ShortSum::kInverseShift, part / packets) << part << " / " << packets;
    }
  }
}

}  // namespace
}  // namespace stretto
