// The short list of operands, held to a std::vector; and what plans take because of it.
#include "plan/sources.hpp"

#include <gtest/gtest.h>

#include <random>
#include <utility>
#include <vector>

#include "algorithms/catalogue.hpp"

namespace stretto {
namespace {

Ref random_ref(std::mt19937_64& random) {
  return slot(static_cast<std::int32_t>(random() % 100), static_cast<int>(random() % 64));
}

void expect_same(const Sources& found, const std::vector<Ref>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_EQ(found.empty(), expected.empty());
  EXPECT_TRUE(std::equal(found.begin(), found.end(), expected.begin()));
  EXPECT_TRUE(found == Sources(expected));
  if (expected.empty()) return;
  EXPECT_EQ(found.front(), expected.front());
  EXPECT_EQ(found.back(), expected.back());
}

TEST(Sources, WhateverIsDone_AreAsAVector) {
  std::mt19937_64 random(20261128);
  std::vector<std::pair<Sources, std::vector<Ref>>> all(8);
  for (int turn = 0; turn < 5000; ++turn) {
    auto& [sources, expected] = all[random() % all.size()];
    auto& [others, others_expected] = all[random() % all.size()];
    switch (random() % 6) {
      case 0: {
        const Ref ref = random_ref(random);
        sources.push_back(ref);
        expected.push_back(ref);
        break;
      }
      case 1:
        sources = others;
        expected = others_expected;
        break;
      case 2:
        if (&sources == &others) break;
        sources = std::move(others);
        expected = std::exchange(others_expected, {});
        others = Sources();
        break;
      case 3: {
        Sources copy(sources);
        expect_same(copy, expected);
        sources = std::move(copy);
        break;
      }
      case 4:
        if (expected.empty()) break;
        sources[random() % sources.size()] = sources.front();
        expected.assign(sources.begin(), sources.end());
        break;
      default:
        if (expected.size() < 6) break;
        sources = {};
        expected.clear();
    }
    expect_same(sources, expected);
    expect_same(others, others_expected);
    EXPECT_EQ(sources == others, expected == others_expected);
  }
}

std::size_t bytes_of(const Plan& plan) {
  std::size_t bytes = sizeof plan;
  for (const Strand& strand : plan.program.strands) {
    bytes += sizeof strand + (strand.body.capacity() + strand.epilogue.capacity()) * sizeof(Step);
    for (const Step& step : strand.body) {
      const auto* const refs = reinterpret_cast<const std::byte*>(step.sources.data());
      const auto* const inside = reinterpret_cast<const std::byte*>(&step);
      if (refs < inside || refs >= inside + sizeof step) bytes += step.sources.size() * sizeof(Ref);
    }
  }
  return bytes;
}

TEST(Sources, PlanOf16384Ranks_TakesLessThan8MiB) {
  PlanSpec ring{Collective::all_reduce, "ring", 16'384, -1, 1};
  EXPECT_LT(bytes_of(make_plan(ring, 5)), std::size_t{8} << 20);
  PlanSpec rails{Collective::all_reduce, "rail_trees", 16'384, -1, 16};
  for (Rank rank = 0; rank < rails.n_ranks; ++rank) rails.groups.push_back(rank / 8);
  EXPECT_LT(bytes_of(make_plan(rails, 5)), std::size_t{8} << 20);
}

}  // namespace
}  // namespace stretto
