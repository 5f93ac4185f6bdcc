// Which operations wait for which, so that what runs on a GPU at a time fits it.
#include "comm/residency_ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

namespace stretto {
namespace {

using Chain = ResidencyLedger::Chain;
using Launch = ResidencyLedger::Launch;
using Plan = ResidencyLedger::Plan;
using Reference = ResidencyLedger::Reference;
using Regime = ResidencyLedger::Regime;

int marks[64];

Reference issue(ResidencyLedger& ledger, const Launch& launch) {
  const Plan plan = ledger.plan(launch);
  const Reference made{launch.chain, ledger.begin(launch, plan.waits)};
  ledger.launched(made, &marks[made.id % std::size(marks)]);
  return made;
}

TEST(ResidencyLedger, Regime_FollowsWhatAllCouldLaunch) {
  ResidencyLedger ledger(132);
  const Chain first = ledger.add(1, 128);
  EXPECT_EQ(ledger.regime(), Regime::free) << "it follows itself";
  const Chain second = ledger.add(2, 4);
  EXPECT_EQ(ledger.regime(), Regime::free);
  const Chain third = ledger.add(3, 4);
  EXPECT_EQ(ledger.regime(), Regime::small_free) << "136 blocks do not fit, 130 do";
  for (std::uint64_t group = 4; group < 6; ++group) ledger.add(group, 1);
  EXPECT_EQ(ledger.regime(), Regime::small_free);
  ledger.add(7, 1);
  EXPECT_EQ(ledger.regime(), Regime::counted);
  ledger.remove(first);
  EXPECT_EQ(ledger.regime(), Regime::free);
  ledger.remove(second);
  ledger.remove(third);
  EXPECT_EQ(ledger.regime(), Regime::free);
}

TEST(ResidencyLedger, WhatFits_WaitsForNothing) {
  ResidencyLedger ledger(10);
  Chain chains[3];
  for (std::uint64_t i = 0; i < 3; ++i) chains[i] = ledger.add(i, 10);
  issue(ledger, {chains[0], 1, 4, 0});
  issue(ledger, {chains[1], 2, 4, 0});
  EXPECT_TRUE(ledger.plan({chains[2], 3, 2, 0}).waits.empty());
}

TEST(ResidencyLedger, WhatDoesNotFit_WaitsForTheOldest) {
  ResidencyLedger ledger(10);
  Chain chains[3];
  for (std::uint64_t i = 0; i < 3; ++i) chains[i] = ledger.add(i, 10);
  const Reference oldest = issue(ledger, {chains[0], 1, 4, 0});
  const Reference next = issue(ledger, {chains[1], 2, 4, 0});
  EXPECT_EQ(ledger.plan({chains[2], 3, 3, 0}).waits, std::vector{oldest});
  EXPECT_EQ(ledger.plan({chains[2], 3, 10, 0}).waits, (std::vector{oldest, next}));
  // Its own stream, and its own chain, are in order anyway.
  EXPECT_TRUE(ledger.plan({chains[2], 1, 6, 0}).waits.empty());
  EXPECT_TRUE(ledger.plan({chains[1], 3, 6, 1}).waits.empty());
  Launch beside{chains[1], 3, 6, 1};
  beside.follows_own = false;
  EXPECT_EQ(ledger.plan(beside).waits, std::vector{oldest});
  // Of a chain only one runs at a time, so the last one that must end is enough.
  const Reference later = issue(ledger, {chains[0], 1, 4, 1});
  EXPECT_EQ(ledger.plan({chains[2], 3, 7, 0}).waits, (std::vector{next, later}));
}

TEST(ResidencyLedger, EndedOperations_MakeRoomAndGiveTheirMarksBack) {
  ResidencyLedger ledger(10);
  const Chain a = ledger.add(1, 10);
  const Chain b = ledger.add(2, 10);
  const Reference first = issue(ledger, {a, 1, 10, 0});
  EXPECT_EQ(ledger.plan({b, 2, 10, 0}).waits.size(), 1U);
  ledger.sweep([](Chain, const auto&) { return true; });
  EXPECT_EQ(ledger.take_marks(), std::vector<void*>{&marks[first.id]});
  EXPECT_EQ(ledger.find(first), nullptr);
  EXPECT_TRUE(ledger.plan({b, 2, 10, 0}).waits.empty());
  // What was never launched leaves nothing.
  const Reference failed{b, ledger.begin({b, 2, 10, 0}, {})};
  EXPECT_EQ(ledger.plan({a, 1, 10, 1}).waits, std::vector{failed});
  ledger.drop(failed);
  EXPECT_TRUE(ledger.plan({a, 1, 10, 1}).waits.empty());
}

TEST(ResidencyLedger, RemovedChain_CountsUntilItsOperationsHaveEnded) {
  ResidencyLedger ledger(10);
  const Chain a = ledger.add(1, 10);
  const Chain b = ledger.add(2, 10);
  issue(ledger, {a, 1, 10, 0});
  ledger.remove(a);
  EXPECT_EQ(ledger.plan({b, 2, 1, 0}).waits.size(), 1U);
  ledger.sweep([](Chain, const auto&) { return true; });
  EXPECT_TRUE(ledger.plan({b, 2, 1, 0}).waits.empty());
}

TEST(ResidencyLedger, UnmarkedOperation_IsTheLastResort) {
  ResidencyLedger ledger(10);
  Chain chains[3];
  for (std::uint64_t i = 0; i < 3; ++i) chains[i] = ledger.add(i, 10);
  ledger.add_unmarked(chains[0], 4, 0);
  const Reference marked = issue(ledger, {chains[1], 2, 4, 0});
  const Plan some = ledger.plan({chains[2], 3, 6, 0});
  EXPECT_TRUE(some.fits);
  EXPECT_EQ(some.waits, std::vector{marked});
  EXPECT_FALSE(ledger.plan({chains[2], 3, 7, 0}).fits);
}

TEST(ResidencyLedger, RanksOfOneCommunicator_AreOneAndNeverOrdered) {
  ResidencyLedger ledger(10);
  const Chain x[2] = {ledger.add(1, 5), ledger.add(1, 5)};
  const Chain y[2] = {ledger.add(2, 5), ledger.add(2, 5)};
  const Reference x0 = issue(ledger, {x[0], 1, 3, 0});
  // Room is kept for the other rank of x: y does not fit.
  const Reference y0 = issue(ledger, {y[0], 2, 3, 0});
  EXPECT_EQ(ledger.plan({y[1], 4, 3, 0}).waits, std::vector{x0}) << "as its first rank does";
  EXPECT_TRUE(ledger.plan({x[1], 3, 3, 0}).waits.empty()) << "though y was issued before";
  issue(ledger, {x[1], 3, 3, 0});
  issue(ledger, {y[1], 4, 3, 0});
  // The next one waits for whatever of y is there.
  const Plan next = ledger.plan({x[0], 1, 5, 1});
  EXPECT_NE(std::ranges::find(next.waits, y0), next.waits.end());
}

/// A GPU of ten blocks on which chains issue at random, and operations end at random once nothing keeps them: at no
/// time does more run than fits, and all of it ends.
TEST(ResidencyLedger, RandomIssues_NeverRunMoreThanFits) {
  std::mt19937 random(20261126);
  for (int round = 0; round < 50; ++round) {
    constexpr std::uint32_t kCapacity = 10;
    ResidencyLedger ledger(kCapacity);
    struct Issued {
      Reference reference;
      std::uint64_t stream;
      std::uint32_t blocks;
      std::vector<Reference> waits;
      bool ended = false;
    };
    std::vector<Issued> all;
    std::vector<Chain> chains;
    for (std::uint64_t i = 0; i < 6; ++i) chains.push_back(ledger.add(i, kCapacity));
    const auto ended = [&](const Reference& reference) {
      return std::ranges::any_of(all, [&](const Issued& each) { return each.reference == reference && each.ended; });
    };
    const auto runnable = [&] {  // heads of their streams and chains that wait for nothing
      std::vector<Issued*> found;
      for (std::size_t i = 0; i < all.size(); ++i) {
        if (all[i].ended) continue;
        const bool kept = std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(i), [&](const Issued& e) {
          return !e.ended && (e.stream == all[i].stream || e.reference.chain == all[i].reference.chain);
        });
        if (!kept && std::ranges::all_of(all[i].waits, ended)) found.push_back(&all[i]);
      }
      return found;
    };
    for (std::uint64_t i = 0; i < 60 || !runnable().empty(); ++i) {
      if (i < 60) {
        const Launch launch{chains[random() % chains.size()], random() % 8,
                            1 + static_cast<std::uint32_t>(random() % kCapacity), i};
        const Plan plan = ledger.plan(launch);
        all.push_back({issue(ledger, launch), launch.stream, launch.blocks, plan.waits});
      }
      const std::vector<Issued*> heads = runnable();
      std::uint32_t running = 0;
      for (const Issued* each : heads) running += each->blocks;
      ASSERT_LE(running, kCapacity);
      if (i < 60 && random() % 3 == 0) continue;
      heads[random() % heads.size()]->ended = true;
      if (random() % 4 == 0) {
        ledger.sweep([&](Chain chain, const auto& operation) { return ended({chain, operation.id}); });
      }
    }
    EXPECT_TRUE(std::ranges::all_of(all, &Issued::ended));
  }
}

}  // namespace
}  // namespace stretto
