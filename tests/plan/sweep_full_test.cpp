// The whole sweep: every collective, algorithm, number of ranks up to 64 and number of channels, as sequences of
// operations. Up to 12 ranks under all variations; above, under some, drawn so that all values of each come up.
#include <gtest/gtest.h>

#include <cstdio>

#include "plan/sweep.hpp"

namespace stretto::sweep {
namespace {

constexpr std::uint64_t kSeed = 20262;

class SweepFull : public ::testing::TestWithParam<int> {};

TEST_P(SweepFull, EveryAlgorithmAlone_NoProblem) {
  const int n = GetParam();
  const auto seed = kSeed + static_cast<std::uint64_t>(n);
  std::uint64_t checks = 0;
  if (n <= 12) {
    EXPECT_EQ(check_each_alone(n, {1, 2, 4}, all_variations(seed), checks), "");
  } else {
    EXPECT_EQ(check_each_alone(n, {1, 2}, some_variations(n <= 32 ? 18 : 6, seed), checks), "");
    EXPECT_EQ(check_each_alone(n, {4}, some_variations(n <= 32 ? 6 : 1, seed), checks), "");
  }
  EXPECT_GT(checks, 0u);
  std::printf("n = %d: %llu sequences, 0 problems, seed %llu\n", n, static_cast<unsigned long long>(checks),
              static_cast<unsigned long long>(seed));
}

TEST_P(SweepFull, MixedSequences_NoProblem) {
  const int n = GetParam();
  const auto seed = kSeed + 1000 + static_cast<std::uint64_t>(n);
  std::uint64_t checks = 0;
  EXPECT_EQ(check_mixed_sequences(n, n <= 16 ? 400 : n <= 32 ? 60 : 15, seed, checks), "");
  EXPECT_GT(checks, 0u);
  std::printf("n = %d: %llu mixed sequences, 0 problems, seed %llu\n", n, static_cast<unsigned long long>(checks),
              static_cast<unsigned long long>(seed));
}

INSTANTIATE_TEST_SUITE_P(Ranks, SweepFull, ::testing::Range(1, 65));

}  // namespace
}  // namespace stretto::sweep
