#include "planner/planner.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

#include "algorithms/catalogue.hpp"

namespace stretto {
namespace {

PlanChoice choose(Collective collective, std::uint64_t bytes, int n, const LinkModel& link = {},
                  std::string_view forced = "") {
  return choose_plan(collective, bytes, n, 0, 0, link, forced);
}

TEST(Planner, TinyMessages_TakeTheFewestHops) {
  for (const int n : {2, 4, 8}) EXPECT_EQ(choose(Collective::all_reduce, 8, n).spec.algorithm, "one_shot") << n;
}

TEST(Planner, LargeSums_DoNotTakeOneShot) {
  for (const int n : {3, 4, 8, 64}) {
    EXPECT_NE(choose(Collective::all_reduce, 64 << 20, n).spec.algorithm, "one_shot") << n;
  }
}

TEST(Planner, ManyRanksAndFewBytes_TakeLogarithmicallyManyHops) {
  EXPECT_EQ(choose(Collective::all_reduce, 8, 512).spec.algorithm, "recursive_doubling");
  EXPECT_LE(choose(Collective::broadcast, 8, 512).winner().load.hops, 10U);
}

TEST(Planner, EveryRow_IsPricedAndSorted) {
  for (const CollectiveRow& row : collective_rows()) {
    const PlanChoice choice = choose(row.collective, 1 << 20, 6);
    std::size_t supporting = 0;
    for (const AlgorithmRow& algorithm : catalogue()) {
      const bool is_general = !knows_groups(algorithm.reach) && algorithm.reach != Reach::trees;
      supporting += algorithm.supports(row.collective) && is_general ? 1 : 0;
    }
    ASSERT_EQ(choice.candidates.size(), supporting);
    EXPECT_EQ(choice.candidates.front().spec.algorithm, choice.spec.algorithm);
    EXPECT_EQ(choice.runner_up(), supporting > 1 ? &choice.candidates[1] : nullptr);
    for (std::size_t i = 1; i < supporting; ++i) {
      EXPECT_LE(choice.candidates[i - 1].price.total(), choice.candidates[i].price.total());
    }
    EXPECT_NO_THROW(make_plan(choice.spec, 5));
  }
}

TEST(Planner, TwiceTheBytes_NeverCostLess) {
  for (const CollectiveRow& row : collective_rows()) {
    for (const int n : {1, 2, 3, 8, 37}) {
      std::uint64_t before = 0;
      for (std::uint64_t bytes = 64; bytes <= std::uint64_t{1} << 40; bytes *= 2) {
        const std::uint64_t cost = choose(row.collective, bytes, n).cost;
        EXPECT_GE(cost, before) << row.name << " " << n << " " << bytes;
        before = cost;
      }
    }
  }
}

TEST(Planner, HugeOperations_StopAtTheLargestCostInsteadOfWrapping) {
  LinkModel crowded;
  crowded.ranks_per_core = 512;
  for (const CollectiveRow& row : collective_rows()) {
    for (const Candidate& each : choose(row.collective, std::uint64_t{1} << 40, 512, crowded).candidates) {
      EXPECT_GT(each.price.total(), std::uint64_t{1} << 47) << each.spec.algorithm;  // 2^40 bytes at 100 ps each
    }
  }
  const Saturating most = std::numeric_limits<std::uint64_t>::max();
  EXPECT_EQ(most + 1, most);
  EXPECT_EQ(most * 2, most);
}

TEST(Planner, SharedCores_CostMore) {
  LinkModel crowded;
  crowded.ranks_per_core = 4;
  EXPECT_GT(choose(Collective::all_reduce, 1 << 20, 8, crowded).cost, choose(Collective::all_reduce, 1 << 20, 8).cost);
}

TEST(Planner, ForcedAlgorithm_WinsWhateverItCosts) {
  const PlanChoice choice = choose(Collective::all_reduce, 64 << 20, 8, {}, "one_shot");
  EXPECT_EQ(choice.spec.algorithm, "one_shot");
  EXPECT_EQ(choice.runner_up(), &choice.candidates.front());
  EXPECT_NE(to_string(choice).find("forced=1"), std::string::npos);
}

TEST(Planner, TooFewChannelsOrSlots_PassOverTheAlgorithm) {
  LinkModel link;
  link.slots = 1;
  for (const Candidate& each : choose_plan(Collective::all_reduce, 1024, 4, -1, 1, link, "").candidates) {
    EXPECT_NE(each.spec.algorithm, "tree");
    EXPECT_NE(each.spec.algorithm, "ring");
  }
  EXPECT_THROW(choose_plan(Collective::all_reduce, 1024, 4, -1, 1, link, "tree"), Error);
  EXPECT_THROW(choose_plan(Collective::all_gather, 1024, 4, -1, 1, link, "two_shot"), Error);
}

TEST(Planner, Groups_OfferTheHierarchicalPlanAndPriceTheCrossing) {
  LinkModel link;
  const auto offered = [&](int n) -> const Candidate* {
    static PlanChoice choice;
    choice = choose_plan(Collective::all_reduce, 1 << 20, n, -1, 0, link, "");
    for (const Candidate& each : choice.candidates) {
      if (each.spec.algorithm == "hierarchical") return &each;
    }
    return nullptr;
  };
  EXPECT_EQ(offered(8), nullptr);
  EXPECT_THROW(choose_plan(Collective::all_reduce, 1024, 8, -1, 0, link, "hierarchical"), Error);
  const Picoseconds alone = choose(Collective::all_reduce, 1 << 20, 8, link, "two_shot").cost;
  link.groups = {0, 0, 0, 0, 1, 1, 1, 1};
  const Candidate* candidate = offered(8);
  ASSERT_NE(candidate, nullptr);
  EXPECT_EQ(candidate->spec.groups, link.groups);
  EXPECT_EQ(make_plan(candidate->spec, 3).chunks_per_block, 4);
  EXPECT_GT(choose(Collective::all_reduce, 1 << 20, 8, link, "two_shot").cost, alone);
  link.byte_crossing = 1000;  // a slow link between the groups
  EXPECT_EQ(choose(Collective::all_reduce, 1 << 20, 8, link).spec.algorithm, "hierarchical");
}

TEST(Planner, SlotsTooSmallForTheirParts_PassOverTheAlgorithm) {
  LinkModel link;
  const auto offers = [&](int n, const char* algorithm) {
    const PlanChoice choice = choose_plan(Collective::all_gather, 8, n, -1, 0, link, "");
    return std::any_of(choice.candidates.begin(), choice.candidates.end(),
                       [&](const Candidate& each) { return each.spec.algorithm == algorithm; });
  };
  EXPECT_TRUE(offers(16, "bruck"));
  EXPECT_TRUE(offers(1000, "bruck"));  // in several messages
  EXPECT_TRUE(offers(128, "halving_doubling"));
  EXPECT_FALSE(offers(130, "halving_doubling"));  // 66 parts
  link.slot_bytes = 64 * 8;
  EXPECT_TRUE(offers(16, "bruck"));
  EXPECT_FALSE(offers(18, "bruck"));
  try {
    choose_plan(Collective::all_gather, 8, 18, -1, 0, link, "bruck");
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().field, "algorithm");
    EXPECT_NE(error.info().text.find("slots of 9 parts"), std::string::npos) << error.info().text;
  }
  EXPECT_THROW(make_plan({Collective::all_gather, "halving_doubling", 130, -1, 1}, 0), Error);
}

}  // namespace
}  // namespace stretto
