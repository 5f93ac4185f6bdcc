// What goes wrong in the smallest sums: whichever kernel a rank runs, it gives up for the same reason, and names the
// same peer and step.
#include <gtest/gtest.h>

#include <thread>

#include "short_sum_ranks.hpp"

namespace stretto {
namespace {

using test::kAll;
using test::RankResult;
using test::Ranks;
using test::Short;

/// Whichever kernel runs, the same ranks fail, and name the same peer, step and reason.
void expect_equal_failures(const std::vector<RankResult>& some, const std::vector<RankResult>& others) {
  for (std::size_t rank = 0; rank < some.size(); ++rank) {
    ASSERT_EQ(some[rank].failures.empty(), others[rank].failures.empty()) << "rank " << rank;
    if (some[rank].failures.empty()) continue;
    EXPECT_EQ(some[rank].failures[0].peer, others[rank].failures[0].peer) << "rank " << rank;
    EXPECT_EQ(some[rank].failures[0].step, others[rank].failures[0].step) << "rank " << rank;
    EXPECT_EQ(some[rank].failures[0].reason, others[rank].failures[0].reason) << "rank " << rank;
  }
}

TEST(ShortSum, RankThatDoesNotCome_IsNamedAndTheWindowIsDead) {
  std::vector<std::vector<RankResult>> by_kernel;
  for (const Short which : {Short{0}, kAll}) {
    Ranks ranks(4, 23);
    ranks.team().timeout_ms = 100;
    std::vector<std::int64_t> outputs(4, -7);
    by_kernel.push_back(ranks.run_some(0b1101, which, {1, 1, 1, 1}, outputs));
    for (const Rank rank : {0, 2, 3}) {
      const RankResult& result = by_kernel.back()[static_cast<std::size_t>(rank)];
      ASSERT_FALSE(result.failures.empty()) << "rank " << rank;
      for (const test::Failure& failure : result.failures) EXPECT_EQ(failure.peer, 1U);
      EXPECT_TRUE(ranks.team().is_dead(rank));
      EXPECT_EQ(outputs[static_cast<std::size_t>(rank)], -7) << "what was not received is not in the result";
    }
    // The next operation ends at once, without a word.
    ranks.team().timeout_ms = 20'000;
    for (const RankResult& result : ranks.run_some(0b1101, which, {1, 1, 1, 1}, outputs)) {
      EXPECT_TRUE(result.failures.empty());
    }
    EXPECT_EQ(outputs[0], -7);
  }
  expect_equal_failures(by_kernel[0], by_kernel[1]);
}

TEST(ShortSum, RanksThatDisagree_AreNamedWhoeverRunsWhat) {
  std::vector<std::vector<RankResult>> by_kernel;
  for (const Short which : {Short{0}, kAll, Short{1}, Short{2}}) {
    Ranks ranks(2, 29);
    std::vector<std::int64_t> outputs(2, -7);
    by_kernel.push_back(ranks.run_some(kAll, which, {1, 2}, outputs));
    for (const std::size_t rank : {0U, 1U}) {
      ASSERT_FALSE(by_kernel.back()[rank].failures.empty()) << "rank " << rank << " by " << which;
      EXPECT_EQ(by_kernel.back()[rank].failures[0].reason, device::KernelFailure::disagreement);
      EXPECT_EQ(outputs[rank], -7);
    }
    expect_equal_failures(by_kernel.front(), by_kernel.back());
  }
}

TEST(ShortSum, SecondRunAtOnce_IsFoundOut) {
  for (const Short which : {Short{0}, kAll}) {
    Ranks ranks(3, 31);
    ranks.team().pretend_busy(1, 2);
    std::vector<std::int64_t> outputs(3, -7);
    const std::vector<RankResult> results = ranks.run_some(kAll, which, {1, 1, 1}, outputs);
    ASSERT_FALSE(results[1].failures.empty());
    EXPECT_EQ(results[1].failures[0].reason, device::KernelFailure::concurrent);
    EXPECT_TRUE(ranks.team().is_dead(1));
    EXPECT_TRUE(results[0].failures.empty() && results[2].failures.empty());
  }
}

TEST(ShortSum, RunThatOthersHaveLeftBehind_IsFoundOut) {
  for (const Short which : {Short{0}, kAll}) {
    Ranks ranks(2, 31);
    std::vector<std::int64_t> outputs(2, -7);
    for (int i = 0; i < 3; ++i) ranks.run_some(kAll, which, {1, 1}, outputs);
    EXPECT_EQ(outputs[1], 2);
    ranks.team().pretend_behind(1, 0, ranks.team().shape().packet_slots + 1);
    outputs[1] = -7;
    const std::vector<RankResult> results = ranks.run_some(0b10, which, {1, 1}, outputs);
    ASSERT_FALSE(results[1].failures.empty());
    EXPECT_EQ(results[1].failures[0].reason, device::KernelFailure::concurrent);
    EXPECT_EQ(outputs[1], -7);
  }
}

TEST(ShortSum, CreditThatIsNotGiven_IsWaitedForAndNamed) {
  std::vector<std::vector<RankResult>> by_kernel;
  for (const Short which : {Short{0}, kAll}) {
    Ranks ranks(2, 37);
    for (int i = 0; i < 2; ++i) ranks.broadcast(i, 0b01);  // both slots
    ranks.team().timeout_ms = 100;
    std::vector<std::int64_t> outputs(2, -7);
    by_kernel.push_back(ranks.run_some(0b01, which, {1, 1}, outputs));
    ASSERT_FALSE(by_kernel.back()[0].failures.empty());
    const std::uint32_t step = by_kernel.back()[0].failures[0].step;
    EXPECT_EQ(ranks.plan(0).program.strands[0].body[step].kind, StepKind::put);
  }
  EXPECT_EQ(by_kernel[0][0].failures[0].step, by_kernel[1][0].failures[0].step);
  EXPECT_EQ(by_kernel[0][0].failures[0].peer, by_kernel[1][0].failures[0].peer);
}

TEST(ShortSum, CreditThatComesLate_IsWaitedFor) {
  for (const Short which : {kAll, Short{0b001}, Short{0b110}}) {
    Ranks ranks(3, 41);
    for (int i = 0; i < 2; ++i) ranks.broadcast(i, 0b001);
    std::vector<std::int64_t> outputs(3, -7);
    std::vector<std::int64_t> others(3, -7);
    std::thread first([&] {
      for (const RankResult& result : ranks.run_some(0b001, which, {1, 1, 1}, outputs)) {
        EXPECT_TRUE(result.failures.empty());
      }
    });
    for (int i = 0; i < 2; ++i) ranks.broadcast(i, 0b110);
    ranks.run_some(0b110, which, {1, 1, 1}, others);
    first.join();
    EXPECT_EQ(outputs[0], 3);
    EXPECT_EQ(others[1], 3);
    EXPECT_EQ(others[2], 3);
  }
}

}  // namespace
}  // namespace stretto
