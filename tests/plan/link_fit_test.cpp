// The fit of the cost model's constants: against samples that were made of known ones.
#include "planner/link_fit.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "algorithms/catalogue.hpp"
#include "planner/planner.hpp"

namespace stretto {
namespace {

/// Of each algorithm of some collectives at sizes from 8 bytes to 16 MiB, as the model itself prices them.
std::vector<LinkSample> samples_of(const LinkConstants& constants) {
  std::vector<LinkSample> samples;
  LinkModel link;
  static_cast<LinkConstants&>(link) = constants;
  for (const Collective collective : {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter}) {
    for (std::uint64_t bytes = 8; bytes <= 1 << 24; bytes *= 4) {
      for (const Candidate& each : choose_plan(collective, bytes, 2, -1, 2, link, "").candidates) {
        samples.push_back({each.load, 1, static_cast<double>(each.price.total())});
      }
    }
  }
  link.ranks_per_core = 2;
  for (const std::uint64_t bytes : {8U, 512U, 4096U}) {
    const PlanChoice choice = choose_plan(Collective::all_reduce, bytes, 2, -1, 2, link, "one_shot");
    samples.push_back({choice.winner().load, 2, static_cast<double>(choice.cost)});
  }
  return samples;
}

LinkConstants other_machine() {
  LinkConstants constants;
  constants.operation = 90'000;
  constants.message = 400'000;
  constants.step = 12'000;
  constants.byte_copied = 75;
  constants.byte_reduced = 95;
  constants.cached_byte_copied = 33;
  constants.cached_byte_reduced = 52;
  constants.cached_bytes = 1 << 21;
  constants.early_byte = 40;
  constants.early_bytes = 1 << 15;
  constants.core_switch = 4'000'000;
  return constants;
}

void expect_near(const LinkConstants& fitted, const LinkConstants& truth, double part) {
  for (const LinkConstantRow& row : link_constant_rows()) {
    const auto expected = static_cast<double>(truth.*row.field);
    EXPECT_NEAR(static_cast<double>(fitted.*row.field), expected, part * expected + 1) << row.name;
  }
}

TEST(LinkFit, ExactSamples_GiveTheConstantsThatMadeThem) {
  const LinkConstants truth = other_machine();
  const LinkFit fit = fit_link(samples_of(truth), LinkConstants());
  expect_near(fit.constants, truth, 0.05);
  EXPECT_LT(fit.median_error, 0.01);
}

TEST(LinkFit, NoiseAndOutliers_BendThePredictionsLittle) {
  const LinkConstants truth = other_machine();
  std::vector<LinkSample> samples = samples_of(truth);
  const std::vector<LinkSample> clean = samples;
  const std::uint32_t seed = std::random_device{}();
  std::mt19937 random(seed);
  for (LinkSample& each : samples) {
    each.time_ps *= std::uniform_real_distribution<>(0.95, 1.05)(random);
    // One in eight was taken while somebody else used the core.
    if (random() % 8 == 0) each.time_ps *= 3;
  }
  const LinkFit fit = fit_link(samples, LinkConstants());
  EXPECT_LT(median(errors_of(clean, fit.constants)), 0.1) << "seed " << seed;
  for (std::size_t i = 0; i < fit.spreads.size(); ++i) {
    const std::uint64_t value = fit.constants.*link_constant_rows()[i].field;
    EXPECT_LE(fit.spreads[i].least, value) << link_constant_rows()[i].name;
    EXPECT_GE(fit.spreads[i].most, value) << link_constant_rows()[i].name;
  }
}

TEST(LinkFit, SameSamples_GiveTheSameConstants) {
  const std::vector<LinkSample> samples = samples_of(other_machine());
  EXPECT_EQ(fit_link(samples, LinkConstants()).constants, fit_link(samples, LinkConstants()).constants);
}

TEST(LinkFit, WhatNoSampleTells_StaysAsItWas) {
  std::vector<LinkSample> samples = samples_of(other_machine());
  std::erase_if(samples, [](const LinkSample& each) { return each.ranks_per_core > 1; });
  LinkConstants start;
  start.core_switch = 123;
  start.byte_crossing = 7;
  const LinkFit fit = fit_link(samples, start);
  EXPECT_EQ(fit.constants.core_switch, 123U);
  EXPECT_EQ(fit.constants.byte_crossing, 7U);
}

TEST(LinkFit, TooFewSamplesOrTimesOfNothing_AreRefused) {
  std::vector<LinkSample> samples = samples_of(LinkConstants());
  samples.front().time_ps = 0;
  EXPECT_THROW(fit_link(samples, LinkConstants()), Error);
  samples.front().time_ps = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(fit_link(samples, LinkConstants()), Error);
  samples.erase(samples.begin());
  samples.resize(8);
  EXPECT_THROW(fit_link(samples, LinkConstants()), Error);
}

TEST(LinkFit, Line_IsFoundInSpiteOfAnOutlier) {
  std::vector<LinePoint> points;
  for (std::uint64_t bytes = 64; bytes <= 1 << 24; bytes *= 4) {
    points.push_back({bytes, 6e6 + 2.8 * static_cast<double>(bytes)});
  }
  points[3].time_ps *= 4;
  const Line line = fit_line(points);
  EXPECT_NEAR(line.start_ps, 6e6, 6e4);
  EXPECT_NEAR(line.byte_ps, 2.8, 0.03);
}

TEST(LinkFit, Median_OfEvenAndOddNumbers) {
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(median({3, 1, 2}), 2);
  EXPECT_EQ(median({4, 1, 3, 2}), 2.5);
}

}  // namespace
}  // namespace stretto
