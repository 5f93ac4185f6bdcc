// Ratios of paired samples.
#include "perf/common/statistics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace stretto::perf {
namespace {

TEST(StudentT, Quantiles_AreThoseOfTheTables) {
  EXPECT_NEAR(12.706, student_t_975(1), 1e-3);
  EXPECT_NEAR(2.262, student_t_975(9), 1e-3);
  EXPECT_NEAR(2.228, student_t_975(10), 1e-3);
  EXPECT_NEAR(2.2010, student_t_975(11), 5e-4);
  EXPECT_NEAR(2.0930, student_t_975(19), 5e-4);
  EXPECT_NEAR(2.0096, student_t_975(49), 5e-4);
  EXPECT_NEAR(1.9600, student_t_975(100'000), 5e-4);
}

TEST(PairedRatio, EqualRatios_LeaveNoDoubt) {
  const RatioInterval found = paired_ratio({1, 2, 4}, {2, 4, 8});
  EXPECT_DOUBLE_EQ(0.5, found.ratio);
  EXPECT_DOUBLE_EQ(0.5, found.low);
  EXPECT_DOUBLE_EQ(0.5, found.high);
}

TEST(PairedRatio, KnownPairs_GiveTheKnownInterval) {
  // Logarithms 0 and ln 4: mean ln 2, standard error ln 2, t of one degree of freedom.
  const RatioInterval found = paired_ratio({1, 4}, {1, 1});
  EXPECT_NEAR(2.0, found.ratio, 1e-12);
  EXPECT_NEAR(std::exp(std::log(2.0) * (1 - 12.706)), found.low, 1e-9);
  EXPECT_NEAR(std::exp(std::log(2.0) * (1 + 12.706)), found.high, 1);
}

TEST(PairedRatio, TooFewPairsOrNoTimes_GiveNone) {
  EXPECT_EQ(0.0, paired_ratio({}, {}).ratio);
  EXPECT_EQ(0.0, paired_ratio({1}, {2}).ratio);
  EXPECT_EQ(0.0, paired_ratio({1, 0}, {1, 1}).ratio);
  EXPECT_EQ(0.0, paired_ratio({1, 1}, {0, 1}).ratio);
}

TEST(PairedRatio, NoisyPairs_HoldTheTruthAbout95TimesIn100) {
  std::mt19937 random(20261121);
  std::lognormal_distribution<double> noise(0.0, 0.1);
  int held = 0;
  for (int run = 0; run < 2000; ++run) {
    std::vector<double> ours;
    std::vector<double> theirs;
    for (int pair = 0; pair < 10; ++pair) {
      const double machine = noise(random);  // what both meet
      ours.push_back(0.7 * machine * noise(random));
      theirs.push_back(machine * noise(random));
    }
    const RatioInterval found = paired_ratio(ours, theirs);
    held += found.low <= 0.7 && 0.7 <= found.high ? 1 : 0;
  }
  EXPECT_NEAR(0.95, held / 2000.0, 0.02);
}

}  // namespace
}  // namespace stretto::perf
