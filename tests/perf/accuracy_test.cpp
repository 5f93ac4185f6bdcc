// Floats as numbers, and errors of sums that are known.
#include "perf/accuracy/accuracy.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "perf/accuracy/options.hpp"

namespace stretto::perf {
namespace {

constexpr strettoDataType_t kNarrow[] = {strettoFloat16, strettoBfloat16, strettoFloat8e4m3, strettoFloat8e5m2};

TEST(AccuracyFloats, KnownCodes_AreTheirNumbers) {
  EXPECT_EQ(Floats(strettoFloat16).value(0x3C01), 1 + 0x1p-10);
  EXPECT_EQ(Floats(strettoFloat16).value(0x8001), -0x1p-24);
  EXPECT_EQ(Floats(strettoBfloat16).value(0x7F7F), 0x1.FEp127);
  EXPECT_EQ(Floats(strettoFloat8e4m3).value(0x7E), 448);
  EXPECT_TRUE(std::isnan(Floats(strettoFloat8e4m3).value(0x7F)));
  EXPECT_EQ(Floats(strettoFloat8e5m2).value(0x7B), 57344);
  EXPECT_TRUE(std::isinf(Floats(strettoFloat8e5m2).value(0xFC)));
  for (const float number : {0.0F, 1.5F, -3e-42F, 3.4e38F}) {
    EXPECT_EQ(Floats(strettoFloat32).value(std::bit_cast<std::uint32_t>(number)), static_cast<double>(number));
    EXPECT_EQ(Floats(strettoFloat32).nearest(static_cast<double>(number)), std::bit_cast<std::uint32_t>(number));
  }
}

TEST(AccuracyFloats, EveryCode_IsNearestToItselfAndTiesGoToEven) {
  for (const strettoDataType_t type : kNarrow) {
    const Floats floats(type);
    const std::uint32_t sign = 1U << (8 * floats.bytes() - 1);
    for (std::uint32_t code = 0; code + 1 < sign; ++code) {
      const double here = floats.value(code);
      const double next = floats.value(code + 1);
      if (!std::isfinite(here) || !std::isfinite(next)) continue;
      ASSERT_EQ(floats.nearest(here), code);
      ASSERT_EQ(floats.nearest(-here), code | sign);
      ASSERT_EQ(floats.ulp(here), next - here);
      const double middle = here + (next - here) / 2;
      ASSERT_EQ(floats.nearest(middle), code % 2 == 0 ? code : code + 1);
      ASSERT_EQ(floats.nearest(std::nextafter(middle, 0)), code);
      ASSERT_EQ(floats.nearest(std::nextafter(middle, 1e300)), code + 1);
    }
  }
}

TEST(AccuracyErrors, ResultsBesideTheTrueSum_HaveTheErrorsTheyWereGiven) {
  constexpr std::size_t kCount = 1000;
  const SummedNumbers numbers(strettoFloat16, Numbers::normal, 1, 7);
  std::vector<unsigned char> results(2 * kCount);
  numbers.fill(results.data(), 0, kCount);  // of one rank the sum is the input
  const Errors none = errors_of(numbers, results.data(), kCount);
  EXPECT_EQ(none.max_ulp, 0);
  EXPECT_EQ(none.rounded_percent, 100);
  // Every tenth is three further from zero, and one is infinite.
  for (std::size_t i = 0; i < kCount; i += 10) {
    numbers.floats().store(&results[2 * i], numbers.floats().load(&results[2 * i]) + 3);
  }
  numbers.floats().store(&results[2], 0x7C00);
  const Errors some = errors_of(numbers, results.data(), kCount);
  EXPECT_GE(some.max_ulp, 3);
  EXPECT_LE(some.max_ulp, 6);  // where the step grows behind the number
  EXPECT_NEAR(some.mean_ulp, 0.3, 0.01);
  EXPECT_LT(std::fabs(some.bias_ulp), some.mean_ulp);
  EXPECT_NEAR(some.rounded_percent, 90, 0.2);
  EXPECT_EQ(some.not_finite, 1U);
  EXPECT_GT(some.max_relative, 0x1p-11);
}

TEST(AccuracyInputs, NormalOnes_HaveMeanZeroAndDeviationOne) {
  const SummedNumbers numbers(strettoFloat32, Numbers::normal, 2, 1);
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < 20'000; ++i) {
    const double value = numbers.floats().value(numbers.input(1, i));
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 20'000, 0, 0.03);
  EXPECT_NEAR(squares / 20'000, 1, 0.05);
}

TEST(AccuracyInputs, CancellingOnes_LeaveLittle) {
  const SummedNumbers numbers(strettoFloat32, Numbers::cancelling, 4, 1);
  for (std::size_t i = 0; i < 1000; ++i) {
    double sum = 0;
    for (int rank = 0; rank < 4; ++rank) sum += numbers.floats().value(numbers.input(rank, i));
    EXPECT_LT(std::fabs(sum), 0.006);
  }
}

TEST(AccuracyOptions, Mistakes_AreNamed) {
  for (const auto& [option, value] :
       {std::pair{"-c", "0"}, {"-n", "0"}, {"-d", "int8"}, {"--compare", "nccl"}, {"-t", "0"}, {"--device", "none"}}) {
    const auto parsed = parse_accuracy_options({option, value});
    ASSERT_TRUE(std::holds_alternative<Refusal>(parsed)) << option;
    EXPECT_EQ(std::get<Refusal>(parsed).code, 2) << option;
    EXPECT_NE(std::get<Refusal>(parsed).text.find(option), std::string::npos) << std::get<Refusal>(parsed).text;
  }
  const auto parsed = parse_accuracy_options({"-d", "half", "-t", "3", "-c", "64K"});
  ASSERT_TRUE(std::holds_alternative<AccuracyOptions>(parsed));
  EXPECT_EQ(std::get<AccuracyOptions>(parsed).common.threads, 3);
  EXPECT_EQ(std::get<AccuracyOptions>(parsed).elements, 65'536U);
}

}  // namespace
}  // namespace stretto::perf
