// Rails whose ranks are unequal: who owns which channel, and that the plans give the result however it is.
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "algorithms/catalogue.hpp"
#include "algorithms/rail_trees/owners.hpp"
#include "symbolic_run.hpp"

namespace stretto {
namespace {

using rail_trees::Owners;

/// Groups of 1 to 6 ranks, on any rails, some ways out wider than others.
PlanSpec random_spec(std::mt19937_64& random, Collective collective) {
  PlanSpec spec{collective, "rail_trees", 0, -1, 2};
  const auto n_groups = static_cast<std::int32_t>(2 + random() % 5);
  for (std::int32_t group = 0; group < n_groups; ++group) {
    for (auto left = 1 + random() % 6; left > 0; --left) {
      spec.groups.push_back(group);
      spec.rails.push_back(static_cast<std::int32_t>(random() % 6));
      spec.widths.push_back(static_cast<std::int32_t>(1 + random() % 4 * 100));
    }
  }
  spec.n_ranks = static_cast<std::int32_t>(spec.groups.size());
  if (row_of(collective).rooted) spec.root = static_cast<Rank>(random() % spec.groups.size());
  return spec;
}

Rank owner(const Owners& owners, std::size_t group, int rail) {
  const std::vector<Rank>& turns = owners.all()[group];
  return turns[static_cast<std::size_t>(rail) % turns.size()];
}

TEST(RailTrees, Owners_HaveRailsInProportionToTheirWidths) {
  std::mt19937_64 random(7);
  for (int turn = 0; turn < 200; ++turn) {
    SCOPED_TRACE(turn);
    const PlanSpec spec = random_spec(random, Collective::all_reduce);
    const Groups groups(spec);
    const Owners owners(spec, groups);
    const int turns = Owners::turns(spec, groups);
    for (std::size_t group = 0; group < groups.all().size(); ++group) {
      std::map<Rank, int> owned;
      for (int rail = 0; rail < turns; ++rail) ++owned[owner(owners, group, rail)];
      double all = 0;
      for (const Rank member : groups.members(group)) all += spec.widths[static_cast<std::size_t>(member)];
      for (const Rank member : groups.members(group)) {
        const double due = turns * spec.widths[static_cast<std::size_t>(member)] / all;
        EXPECT_LT(std::abs(owned[member] - due), 1) << "rank " << member;
        owned.erase(member);
      }
      EXPECT_TRUE(owned.empty()) << "a rank of another group";
      EXPECT_EQ(owner(owners, group, 1), owner(owners, group, 1 + turns));
    }
  }
}

TEST(RailTrees, EqualRanks_KeepTheirRails) {
  // The second group's ranks stand in another order; one of the third's is missing.
  const PlanSpec spec{Collective::all_reduce,
                      "rail_trees",
                      11,
                      -1,
                      2,
                      {0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2},
                      {},
                      {0, 1, 2, 3, 3, 2, 1, 0, 0, 1, 3},
                      {5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5}};
  const Groups groups(spec);
  const Owners owners(spec, groups);
  std::set<Rank> stand_in;
  for (int rail = 0; rail < Owners::turns(spec, groups); ++rail) {
    EXPECT_EQ(owner(owners, 0, rail), rail % 4);
    EXPECT_EQ(owner(owners, 1, rail), 7 - rail % 4);
    if (rail % 4 == 2) {
      stand_in.insert(owner(owners, 2, rail));
    } else {
      EXPECT_EQ(owner(owners, 2, rail), 8 + (rail % 4 == 3 ? 2 : rail % 4));
    }
  }
  EXPECT_EQ(stand_in, (std::set<Rank>{8, 9, 10}));
}

TEST(RailTrees, UnequalRanks_GiveTheResult) {
  std::mt19937_64 random(20261127);
  for (int turn = 0; turn < 60; ++turn) {
    for (const Collective collective : {Collective::all_reduce, Collective::broadcast, Collective::reduce}) {
      PlanSpec spec = random_spec(random, collective);
      spec.channels = 2 * static_cast<std::int32_t>(1 + random() % 4);
      testing::RunOptions options{1, random() % 2 == 0, random() % 2 == 0, 2, random()};
      ASSERT_EQ(testing::run_symbolically(spec, options), "") << "turn " << turn << " seed " << options.seed;
    }
  }
}

TEST(RailTrees, RailsThatAreNone_AreRefused) {
  PlanSpec spec{Collective::all_reduce, "rail_trees", 4, -1, 2, {0, 0, 1, 1}, {}, {0, 1, 0, 1}, {1, 1, 1, 1}};
  EXPECT_NO_THROW(make_plan(spec, 0));
  spec.widths[2] = 0;
  EXPECT_THROW(make_plan(spec, 0), Error);
  spec.widths = {1, 1, 1};
  EXPECT_THROW(make_plan(spec, 0), Error);
  spec.widths = {1, 1, 1, 1};
  spec.rails[3] = -1;
  EXPECT_THROW(make_plan(spec, 0), Error);
  spec.rails[3] = 1 << 30;
  EXPECT_THROW(make_plan(spec, 0), Error);
  spec.rails.clear();
  EXPECT_THROW(make_plan(spec, 0), Error);
  spec = {Collective::all_reduce, "ring", 4, -1, 1, {}, {}, {0, 1, 0, 1}, {1, 1, 1, 1}};
  EXPECT_THROW(make_plan(spec, 0), Error);
}

/// Random trees within the groups, for a few turns.
std::vector<std::int32_t> random_parents(std::mt19937_64& random, const PlanSpec& spec) {
  const Groups groups(spec);
  std::vector<std::int32_t> parents;
  for (auto turn = 1 + random() % 4; turn > 0; --turn) {
    std::vector<std::int32_t> mine(static_cast<std::size_t>(spec.n_ranks), -1);
    for (std::vector<Rank> members : groups.all()) {
      std::ranges::shuffle(members, random);
      for (std::size_t i = 1; i < members.size(); ++i)
        mine[static_cast<std::size_t>(members[i])] = members[random() % i];
    }
    parents.insert(parents.end(), mine.begin(), mine.end());
  }
  return parents;
}

TEST(RailTrees, TreesWithinGroups_GiveTheResult) {
  std::mt19937_64 random(20261128);
  for (int turn = 0; turn < 60; ++turn) {
    for (const Collective collective : {Collective::all_reduce, Collective::broadcast, Collective::reduce}) {
      PlanSpec spec = random_spec(random, collective);
      spec.parents = random_parents(random, spec);
      spec.channels = 2 * static_cast<std::int32_t>(1 + random() % 6);
      testing::RunOptions options{1, random() % 2 == 0, random() % 2 == 0, 2, random()};
      ASSERT_EQ(testing::run_symbolically(spec, options), "") << "turn " << turn << " seed " << options.seed;
    }
  }
}

TEST(RailTrees, TreesThatAreNone_AreRefused) {
  PlanSpec spec{Collective::all_reduce, "rail_trees", 4, -1, 2, {0, 0, 1, 1}, {-1, 0, 3, -1}};
  EXPECT_NO_THROW(make_plan(spec, 0));
  // Too few; none without a parent, in a circle; two without; a parent in another group; one that is not there.
  for (const std::vector<std::int32_t>& parents : {std::vector{-1, 0, 3},
                                                   {1, 0, 3, -1},
                                                   {-1, -1, 3, -1},
                                                   {-1, 2, 3, -1},
                                                   {-1, 4, 3, -1},
                                                   {-1, 0, 3, -1, -1, 0, 2, -1}}) {
    spec.parents = parents;
    EXPECT_THROW(make_plan(spec, 0), Error);
  }
}

TEST(RailTrees, Rails_ArePartOfTheHash) {
  PlanSpec spec{Collective::all_reduce, "rail_trees", 4, -1, 2, {0, 0, 1, 1}, {}, {0, 1, 0, 1}, {1, 1, 1, 1}};
  const std::uint64_t hash = make_plan(spec, 0).hash;
  spec.widths[1] = 2;
  EXPECT_NE(make_plan(spec, 0).hash, hash);
  spec.widths[1] = 1;
  spec.rails[1] = 2;
  EXPECT_NE(make_plan(spec, 0).hash, hash);
}

}  // namespace
}  // namespace stretto
