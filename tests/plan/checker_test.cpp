// Correct plans pass under every alias mode, in-place mix, slot count and sequence.
#include "plan/checker.hpp"

#include <gtest/gtest.h>

#include "plan/checker_plans.hpp"

namespace stretto::hand {
namespace {

constexpr Alias kAliases[] = {Alias::copied,       Alias::sender,         Alias::receiver,
                              Alias::sender_first, Alias::receiver_first, Alias::mixed};

void expect_ok(const HandPlan& plan, int min_slots) {
  const auto n = static_cast<std::size_t>(plan.spec.n_ranks);
  for (int slots = min_slots; slots < min_slots + 3; ++slots) {
    for (const Alias alias : kAliases) {
      for (int rounds = 1; rounds <= 3; ++rounds) {
        for (unsigned mask = 0; mask < (1u << n); ++mask) {
          std::vector<bool> in_place(n);
          for (std::size_t rank = 0; rank < n; ++rank) in_place[rank] = (mask >> rank) & 1;
          const std::vector<CheckedOperation> thrice(3, plan.operation(rounds, in_place));
          const CheckReport report = check(thrice, {slots, alias, mask});
          ASSERT_TRUE(report.ok()) << report.text << "; alias " << alias_name(alias) << ", slots " << slots
                                   << ", rounds " << rounds << ", in place " << mask;
        }
      }
    }
  }
}

TEST(Checker, SwapAllReduce_IsProved) { expect_ok(swap_all_reduce(), 1); }
TEST(Checker, SwapAllGather_IsProved) { expect_ok(swap_all_gather(), 1); }
TEST(Checker, ChainBroadcast_IsProved) { expect_ok(chain_broadcast(), 1); }
TEST(Checker, RingAllReduce_IsProved) { expect_ok(ring_all_reduce(3), 2); }

TEST(Checker, SequenceOfDifferentCollectives_IsProved) {
  const HandPlan reduce_plan = swap_all_reduce();
  const HandPlan gather_plan = swap_all_gather();
  const std::vector<CheckedOperation> operations = {reduce_plan.operation(2), gather_plan.operation(1, {true, false}),
                                                    reduce_plan.operation(1, {false, true})};
  for (const Alias alias : kAliases) {
    const CheckReport report = check(operations, {1, alias, 7});
    EXPECT_TRUE(report.ok()) << report.text;
  }
}

TEST(Checker, MoreThan64Ranks_IsProved) {
  const HandPlan plan = ring_all_reduce(130);
  for (const Alias alias : {Alias::copied, Alias::receiver_first}) {
    const CheckReport report = check_one(plan, {2, alias, 0});
    EXPECT_TRUE(report.ok()) << report.text;
  }
}

TEST(Checker, PeerIsTheRankItself_IsStructureAtItsPlace) {
  HandPlan plan = swap_all_gather();
  plan.programs[0].strands[0].body[1].peer = 0;
  const CheckReport report = check_one(plan);
  EXPECT_EQ(report.kind, ProblemKind::structure);
  EXPECT_EQ(report.rank, 0);
  EXPECT_EQ(report.strand, 0);
  EXPECT_EQ(report.step, 1);
}

/// Strands of a rank go on as the same threads in its next operation: what they do there is not known to who learnt of
/// their end in the operation before.
TEST(Checker, SeveralStrandsInSeveralOperations_AreProved) {
  HandPlan plan{spec(Collective::broadcast, 3, 0), 1, {}};
  plan.spec.channels = 2;
  const HandPlan one_channel = chain_broadcast();
  for (const Program& program_of_rank : one_channel.programs) {
    Program both = program_of_rank;
    both.strands.push_back(both.strands[0]);
    both.strands[1].channel = 1;
    plan.programs.push_back(both);
  }
  expect_ok(plan, 1);
}

TEST(Checker, NoOperations_IsOk) { EXPECT_TRUE(check({}, {}).ok()); }

TEST(Checker, RanksDisagreeAboutTheirNumber_IsStructure) {
  const HandPlan two = swap_all_reduce();
  const HandPlan three = chain_broadcast();
  const std::vector<CheckedOperation> operations = {two.operation(), three.operation()};
  const CheckReport report = check(operations, {});
  EXPECT_EQ(report.kind, ProblemKind::structure);
  EXPECT_EQ(report.operation, 1);
}

TEST(Checker, MessageOfTwoParts_PassesThroughEveryAlias) {
  const HandPlan plan = broadcast_in_two_parts();
  for (const Alias alias :
       {Alias::copied, Alias::sender, Alias::receiver, Alias::sender_first, Alias::receiver_first, Alias::mixed}) {
    const CheckReport report = check_one(plan, {1, alias, 0}, 3);
    EXPECT_TRUE(report.ok()) << alias_name(alias) << ": " << report.text;
  }
}

}  // namespace
}  // namespace stretto::hand
