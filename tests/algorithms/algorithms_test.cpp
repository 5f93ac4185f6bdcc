// Every algorithm of the catalogue, for every collective that it supports: results, credits, agreement, refusals.
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "algorithms/catalogue.hpp"
#include "algorithms/symbolic_run.hpp"
#include "base/text.hpp"
#include "plan/pretended_groups.hpp"
#include "plan/pretended_trees.hpp"

namespace stretto {
namespace {

struct Case {
  const AlgorithmRow* row;
  Collective collective;
};

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const AlgorithmRow& row : catalogue()) {
    for (const CollectiveRow& collective : collective_rows()) {
      if (row.supports(collective.collective)) cases.push_back({&row, collective.collective});
    }
  }
  return cases;
}

std::string case_name(const ::testing::TestParamInfo<Case>& info) {
  return format("{}_{}", info.param.row->name, row_of(info.param.collective).name);
}

class Algorithms : public ::testing::TestWithParam<Case> {
 protected:
  PlanSpec spec(int n, Rank root = 0, int channel_groups = 1) const {
    return {GetParam().collective,
            GetParam().row->name,
            n,
            root,
            channel_groups * GetParam().row->channel_multiple,
            pretended_groups(*GetParam().row, n, n + root),
            pretended_parents(*GetParam().row, GetParam().collective, n, root,
                              channel_groups * GetParam().row->channel_multiple, n + root,
                              pretended_groups(*GetParam().row, n, n + root))};
  }
};

TEST_P(Algorithms, UpTo12Ranks_GiveTheResultWithFewestSlots) {
  std::mt19937_64 random(20261122);
  for (int n = 1; n <= 12; ++n) {
    for (const bool in_place : {false, true}) {
      if (in_place && !can_be_in_place(row_of(GetParam().collective))) continue;
      for (const bool aliased : {false, true}) {
        testing::RunOptions options{static_cast<std::uint32_t>(GetParam().row->min_slots), in_place, aliased};
        options.seed = random();
        const auto root = static_cast<Rank>(random() % static_cast<unsigned>(n));
        ASSERT_EQ(testing::run_symbolically(spec(n, root, 1 + n % 2), options), "")
            << "n " << n << " root " << root << " in place " << in_place << " aliased " << aliased << " seed "
            << options.seed;
      }
    }
  }
}

TEST_P(Algorithms, ManyRanks_GiveTheResultInPlaceThroughAliases) {
  for (const int n : {17, 32}) {
    const bool in_place = can_be_in_place(row_of(GetParam().collective));
    testing::RunOptions options{static_cast<std::uint32_t>(GetParam().row->min_slots), in_place, true, 1};
    options.seed = static_cast<std::uint64_t>(n);
    ASSERT_EQ(testing::run_symbolically(spec(n, n / 3), options), "") << "n " << n;
  }
}

/// Beyond 64 parts a step takes several messages.
TEST(Bruck, ManyRanks_GiveTheResultInSeveralMessagesAStep) {
  for (const Collective collective : {Collective::all_gather, Collective::reduce_scatter}) {
    for (const int n : {130, 200}) {
      const testing::RunOptions options{1, n == 200, true, 1, static_cast<std::uint64_t>(n)};
      ASSERT_EQ(testing::run_symbolically({collective, "bruck", n, -1, 1}, options), "") << n;
    }
  }
}

TEST_P(Algorithms, Hash_IsEqualOnAllRanksAndDiffersBetweenPlans) {
  std::set<std::uint64_t> hashes;
  for (int n = 1; n <= 64; ++n) {
    const std::uint64_t first = make_plan(spec(n), 0).hash;
    EXPECT_EQ(first, make_plan(spec(n), n - 1).hash);
    hashes.insert(first);
    hashes.insert(make_plan(spec(n, 0, 2), 0).hash);
  }
  EXPECT_EQ(hashes.size(), 128U);
}

INSTANTIATE_TEST_SUITE_P(Catalogue, Algorithms, ::testing::ValuesIn(all_cases()), case_name);

TEST(Credits, RingSumsWithOneSlot_Deadlock) {
  // So the row's two slots are no luxury.
  for (const Collective collective : {Collective::all_reduce, Collective::reduce_scatter}) {
    const std::string outcome = testing::run_symbolically({collective, "ring", 3, -1, 1}, {.slots = 1});
    EXPECT_EQ(outcome.substr(0, 8), "deadlock");
  }
}

TEST(Credits, ForestWithOneSlot_MayDeadlock) {
  const AlgorithmRow& forest = *find_algorithm("forest");
  const auto outcome = [&](Collective collective, int n, int variant) {
    const std::vector<std::int32_t> parents = pretended_parents(forest, collective, n, -1, 1, variant, {});
    return testing::run_symbolically({collective, "forest", n, -1, 1, {}, parents}, {.slots = 1});
  };
  EXPECT_EQ(outcome(Collective::reduce_scatter, 17, 22).substr(0, 8), "deadlock");
  EXPECT_EQ(outcome(Collective::all_gather, 14, 3).substr(0, 8), "deadlock");
}

void expect_refusal(const PlanSpec& spec, Rank rank, const char* field, const char* text) {
  try {
    make_plan(spec, rank);
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoInvalidArgument);
    EXPECT_EQ(error.info().field, field);
    EXPECT_NE(error.info().text.find(text), std::string::npos) << error.info().text;
  }
}

TEST(MakePlan, BadArguments_AreRefusedNamingTheChoices) {
  expect_refusal({Collective::all_gather, "two_shot", 4, -1, 1}, 0, "algorithm", "ring, tree, one_shot");
  expect_refusal({Collective::all_reduce, "rign", 4, -1, 1}, 0, "algorithm", "unknown");
  expect_refusal({Collective::all_reduce, "tree", 4, -1, 3}, 0, "channels", "multiple of 2");
  expect_refusal({Collective::all_reduce, "ring", 4, -1, 0}, 0, "channels", "not 0");
  expect_refusal({Collective::all_reduce, "ring", 0, -1, 1}, 0, "n_ranks", "at least one");
  expect_refusal({Collective::all_reduce, "ring", 4, -1, 1}, 4, "rank", "0..3");
  expect_refusal({Collective::broadcast, "ring", 4, 4, 1}, 0, "root", "0..3");
  expect_refusal({Collective::broadcast, "ring", 4, 1, 1, {0, 0, 1, 1}}, 0, "groups", "knows no groups");
  for (const std::vector<std::int32_t>& groups : {std::vector{0, 0, 1}, {0, 0, 2, 1}, {1, 0, 0, 1}, {0, -1, 0, 1}}) {
    expect_refusal({Collective::broadcast, "hierarchical", 4, 1, 1, groups}, 0, "groups", "in order");
  }
  expect_refusal({Collective::all_gather, "ring", 2, -1, 1, {}, {-1, 0, 1, -1}}, 0, "parents", "knows no trees");
  // Too few; a root with a parent; a parent that is not there; ranks that lead to one another.
  for (const std::vector<std::int32_t>& parents : {std::vector{-1, 0, 0},
                                                   {1, 0, 0, 1, -1, 1, 2, 2, -1},
                                                   {-1, 3, 0, 1, -1, 1, 2, 2, -1},
                                                   {-1, 2, 1, 1, -1, 1, 2, 2, -1}}) {
    expect_refusal({Collective::all_gather, "forest", 3, -1, 1, {}, parents}, 0, "parents", "lead to the tree's root");
  }
  expect_refusal({Collective::all_reduce, "forest", 3, -1, 2, {}, {-1, 0, 1}}, 0, "parents", "one tree each");
  expect_refusal({Collective::broadcast, "forest", 3, 1, 1, {}, {-1, 0, 1}}, 0, "parents", "below root 1");
}

}  // namespace
}  // namespace stretto
