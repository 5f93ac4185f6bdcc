// The kernel for small operations on host threads: whatever plan it recognises it runs to the same results, step for
// step. ThreadSanitizer judges what passes between blocks and threads.
#include "device/exchange_runner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "algorithms/catalogue.hpp"
#include "exchange_group.hpp"

namespace stretto {
namespace {

using test::ExchangeGroup;

constexpr auto kPackets = device::Protocol::packets;

TEST(Exchange, EveryCollective_EqualsTheOracle) {
  test::expect_the_oracles_results(kPackets, {1, 2, 3, 4, 8}, {0, 1, 7, 33, 130, 200}, 20261126);
}

TEST(Exchange, CountersThatWrap_LoseNothing) {
  std::mt19937_64 random(7);
  ExchangeGroup group(kPackets, Collective::all_reduce, 3, -1, 11);
  group.team().pretend_history(0U - 9U);
  for (int round = 0; round < 30; ++round) {
    const CollectiveCase c{Collective::all_reduce, 3, -1, static_cast<std::size_t>(1 + random() % 200)};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs)) << "round " << round;
  }
}

/// Each step of the plan that moves something, or gives a credit back, ran once; puts in the plan's order, and each
/// credit after its message was read.
TEST(Exchange, WhatRan_IsThePlan) {
  std::mt19937_64 random(5);
  for (const CollectiveRow& row : collective_rows()) {
    const Rank root = row.rooted ? 2 : -1;
    SCOPED_TRACE(row.name);
    ExchangeGroup group(kPackets, row.collective, 4, root, 17);
    const CollectiveCase c{row.collective, 4, root, 100};
    const std::vector<Buffer> inputs = random_inputs(c, random);
    ASSERT_EQ(group.run(c, inputs, false, false), expected_outputs(c, inputs));
    for (std::size_t rank = 0; rank < 4; ++rank) {
      for (std::uint32_t s = 0; s < ExchangeGroup::kChannels; ++s) {
        const std::vector<Step>& steps = group.plan(rank).program.strands[s].body;
        std::vector<std::uint32_t> ran;
        for (const test::LoggedStep& entry : group.results()[rank].steps) {
          if (entry.strand == s) ran.push_back(entry.step);
        }
        std::set<std::uint32_t> expected;
        std::vector<std::uint32_t> puts;
        std::vector<std::uint32_t> puts_run;
        for (std::uint32_t i = 0; i < steps.size(); ++i) {
          const bool from_scratch = steps[i].kind == StepKind::copy && steps[i].sources[0].space == Space::scratch;
          const bool is_done = steps[i].kind == StepKind::put || steps[i].kind == StepKind::get ||
                               steps[i].kind == StepKind::reduce || steps[i].kind == StepKind::release ||
                               (steps[i].kind == StepKind::copy && !from_scratch);
          if (is_done) expected.insert(i);
          if (steps[i].kind == StepKind::put) puts.push_back(i);
        }
        for (const std::uint32_t step : ran) {
          if (steps[step].kind == StepKind::put) puts_run.push_back(step);
        }
        EXPECT_EQ(std::set<std::uint32_t>(ran.begin(), ran.end()), expected) << "rank " << rank << " strand " << s;
        EXPECT_EQ(ran.size(), expected.size()) << "a step ran twice";
        EXPECT_EQ(puts_run, puts);
        const auto first_release =
            std::ranges::find_if(ran, [&](std::uint32_t step) { return steps[step].kind == StepKind::release; });
        EXPECT_TRUE(std::all_of(first_release, ran.end(), [&](std::uint32_t step) {
          return steps[step].kind == StepKind::release;
        })) << "a credit was given before all was read";
      }
    }
  }
}

TEST(Exchange, EditedPlan_ChangesWhatIsRecognised) {
  PlanSpec spec;
  spec.collective = Collective::all_reduce;
  spec.algorithm = "one_shot";
  spec.n_ranks = 3;
  spec.channels = 1;
  Plan plan = make_plan(spec, 1);
  const auto recognise = [&] {
    const PreparedPlan prepared = prepare(plan, {});
    const Request request{Collective::all_reduce, 10, strettoInt64, strettoSum, -1};
    return recognise_exchange(bind_request(request, prepared, 1024));
  };
  ASSERT_TRUE(recognise());
  for (Step& step : plan.program.strands[0].body) {
    if (step.kind == StepKind::reduce) std::reverse(step.sources.begin(), step.sources.end());
  }
  EXPECT_FALSE(recognise()) << "it sums in rank order only";
}

TEST(Exchange, OtherAlgorithmsAndMoreThanOneRound_AreNoExchanges) {
  for (const AlgorithmRow& algorithm : catalogue()) {
    if (algorithm.name == "one_shot" || !algorithm.supports(Collective::all_reduce)) continue;
    PlanSpec spec;
    spec.collective = Collective::all_reduce;
    spec.algorithm = algorithm.name;
    spec.n_ranks = 4;
    spec.channels = algorithm.channel_multiple;
    const PreparedPlan plan = prepare(make_plan(spec, 0), {});
    const Request request{Collective::all_reduce, 10, strettoInt64, strettoSum, -1};
    EXPECT_FALSE(recognise_exchange(bind_request(request, plan, 1024))) << algorithm.name;
  }
  ExchangeGroup group(kPackets, Collective::all_reduce, 2, -1, 1);
  EXPECT_TRUE(group.recognise(0, 256));
  EXPECT_FALSE(group.recognise(0, 257)) << "two channels of 1024 bytes";
}

TEST(Exchange, RankThatDoesNotCome_IsNamedAndTheWindowIsDead) { test::expect_an_absent_rank_is_named(kPackets, 50); }

}  // namespace
}  // namespace stretto
