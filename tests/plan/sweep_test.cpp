// The part of the sweep that every run of the tests can afford; sweep_full_test.cpp has the whole.
#include "plan/sweep.hpp"

#include <gtest/gtest.h>

namespace stretto::sweep {
namespace {

constexpr std::uint64_t kSeed = 20261;

TEST(Sweep, SmallNumbersOfRanks_NoProblem) {
  std::uint64_t checks = 0;
  for (int n = 1; n <= 6; ++n) {
    EXPECT_EQ(check_each_alone(n, {1, 2}, some_variations(24, kSeed), checks), "");
  }
  EXPECT_GT(checks, 1000u);
}

TEST(Sweep, LargerNumbersOfRanks_NoProblem) {
  std::uint64_t checks = 0;
  for (const int n : {7, 8, 9, 13, 16, 17, 33}) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(n);
    EXPECT_EQ(check_each_alone(n, n <= 9 ? std::vector{1, 2, 4} : std::vector{2}, some_variations(2, seed), checks),
              "");
  }
  EXPECT_GT(checks, 100u);
}

TEST(Sweep, MixedSequences_NoProblem) {
  std::uint64_t checks = 0;
  for (int n = 1; n <= 10; ++n) {
    const std::uint64_t seed = kSeed + static_cast<std::uint64_t>(n);
    EXPECT_EQ(check_mixed_sequences(n, 20, seed, checks), "");
  }
  EXPECT_EQ(checks, 200u);
}

/// The fewest slots of a row are not more than it needs: with one fewer, some collective gets stuck.
TEST(Sweep, OneSlotLessThanTheFewest_Deadlocks) {
  for (const AlgorithmRow& row : catalogue()) {
    if (row.min_slots == 1) continue;
    int deadlocks = 0;
    for (const CollectiveRow& collective : collective_rows()) {
      if (!row.supports(collective.collective)) continue;
      for (int n = 2; n <= 9; ++n) {
        const WholePlan plan = whole_plan(row, collective.collective, n, row.channel_multiple, 0);
        const CheckedOperation operation = {plan.spec, plan.chunks_per_block, &plan.programs, 2,
                                            {},        plan.parts_per_slot};
        const CheckReport report = check({&operation, 1}, {row.min_slots - 1, Alias::copied, 0});
        EXPECT_TRUE(report.ok() || report.kind == ProblemKind::deadlock) << report.text;
        if (report.kind == ProblemKind::deadlock) ++deadlocks;
      }
    }
    EXPECT_GT(deadlocks, 0) << row.name << " claims to need " << row.min_slots << " slots";
  }
}

}  // namespace
}  // namespace stretto::sweep
