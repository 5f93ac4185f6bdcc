// The order of summation that docs/arithmetic.md has for each algorithm, as expectations of what a plan means.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "algorithms/double_tree.hpp"
#include "algorithms/forest/trees.hpp"
#include "algorithms/groups.hpp"
#include "exec/plan_meaning.hpp"

namespace stretto {

/// Ranks whose inputs a term has, in the order in which they are summed.
inline std::vector<Rank> ranks_of(const Term& term) {
  if (term.is_input()) return {term.rank};
  std::vector<Rank> ranks;
  for (const TermRef& source : term.sources) {
    for (const Rank rank : ranks_of(*source)) ranks.push_back(rank);
  }
  return ranks;
}

/// Roundings on the longest way from an input to the result.
inline int roundings(const Term& term) {
  int most = 0;
  for (const TermRef& source : term.sources) most = std::max(most, roundings(*source));
  return term.is_input() ? 0 : most + 1;
}

/// One step, in rank order.
inline void expect_one_step(const Term& term, int n) {
  ASSERT_EQ(term.sources.size(), static_cast<std::size_t>(n));
  for (int rank = 0; rank < n; ++rank) EXPECT_EQ(term.sources[static_cast<std::size_t>(rank)]->rank, rank);
}

/// Around the ring, two sources a step: the partial sum first, then the rank's own.
inline void expect_ring(const Term& term, int n) {
  const std::vector<Rank> ranks = ranks_of(term);
  for (std::size_t i = 1; i < ranks.size(); ++i) EXPECT_EQ(ranks[i], (ranks[i - 1] + 1) % n);
  EXPECT_EQ(roundings(term), n - 1);
  const Term* sum = &term;
  for (; !sum->is_input(); sum = sum->sources[0].get()) {
    ASSERT_EQ(sum->sources.size(), 2U);
    EXPECT_TRUE(sum->sources[1]->is_input());
  }
}

/// From the leaves, one step a node: its own and its children's partial sums, in the order of their ranks.
inline void expect_tree(const Term& term, const DoubleTree& tree, Rank node) {
  std::vector<Rank> expected = tree.children(node);
  if (expected.empty()) {
    EXPECT_EQ(term.rank, node);
    return;
  }
  expected.push_back(node);
  std::sort(expected.begin(), expected.end());
  ASSERT_EQ(term.sources.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const Term& source = *term.sources[i];
    if (expected[i] == node) {
      EXPECT_EQ(source.rank, node);
    } else {
      expect_tree(source, tree, expected[i]);
    }
  }
}

/// Neighbouring groups of ranks, two sources a step: the sum of the lower group first.
inline void expect_doubling(const Term& term) {
  const std::vector<Rank> ranks = ranks_of(term);
  EXPECT_TRUE(std::is_sorted(ranks.begin(), ranks.end()));
  EXPECT_EQ(roundings(term), std::bit_width(ranks.size() - 1));
  if (term.is_input()) return;
  ASSERT_EQ(term.sources.size(), 2U);
  for (const TermRef& source : term.sources) expect_doubling(*source);
}

/// Each group's inputs in rank order in one step, then the groups' sums in the order of their first ranks in one step.
inline void expect_hierarchical(const Term& term, int n, const std::vector<std::int32_t>& groups) {
  std::vector<std::vector<Rank>> expected(1);
  for (Rank rank = 0; rank < n; ++rank) {
    const std::size_t group = groups.empty() ? 0 : static_cast<std::size_t>(groups[static_cast<std::size_t>(rank)]);
    if (expected.size() <= group) expected.resize(group + 1);
    expected[group].push_back(rank);
  }
  if (expected.size() == 1) return expect_one_step(term, n);
  ASSERT_EQ(term.sources.size(), expected.size());
  for (std::size_t group = 0; group < expected.size(); ++group) {
    EXPECT_EQ(ranks_of(*term.sources[group]), expected[group]);
    EXPECT_EQ(roundings(*term.sources[group]), expected[group].size() > 1 ? 1 : 0);
  }
}

/// From the leaves of the channel's tree, one step a rank: its own and its children's partial sums, in the order of
/// their ranks.
inline void expect_forest(const Term& term, const forest::Trees& trees, int channel, Rank at) {
  std::vector<Rank> expected;
  for (Rank rank = 0; rank < trees.n_ranks(); ++rank) {
    if (rank == at || trees.parent(channel, 0, rank) == at) expected.push_back(rank);
  }
  if (expected.size() == 1) {
    EXPECT_EQ(term.rank, at);
    return;
  }
  ASSERT_EQ(term.sources.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == at) {
      EXPECT_EQ(term.sources[i]->rank, at);
    } else {
      expect_forest(*term.sources[i], trees, channel, expected[i]);
    }
  }
}

/// By ranks of one group at least, in the order of ranks: one step for each group in a ring, from the one after that of
/// the chunk's owner to that. A step's sources in the order of ranks, of which one is the partial sum that comes in.
inline void expect_rail_ring(const Term& term, const Groups& groups, Rank owner) {
  const Term* sum = &term;
  auto group = static_cast<int>(groups.group_of(owner));
  for (int step = 0; step < groups.count(); ++step, group = (group + groups.count() - 1) % groups.count()) {
    std::set<Rank> own;
    const Term* before = nullptr;
    Rank last = -1;
    const bool alone = sum->is_input();
    for (std::size_t i = 0; i < (alone ? 1 : sum->sources.size()); ++i) {
      const Term& source = alone ? *sum : *sum->sources[i];
      const bool is_own = source.is_input() && groups.group_of(source.rank) == static_cast<std::size_t>(group);
      if (is_own) {
        EXPECT_GT(source.rank, last);
        last = source.rank;
        own.insert(source.rank);
      } else {
        EXPECT_EQ(before, nullptr);
        before = &source;
      }
    }
    EXPECT_EQ(own.size(), groups.members(static_cast<std::size_t>(group)).size());
    EXPECT_EQ(before == nullptr, step == groups.count() - 1);
    if (before == nullptr) return;
    sum = before;
  }
}

/// Of a group, at a channel: the rank without a parent, or the members take turns.
inline Rank owner_of_rail(const PlanSpec& spec, int channel, std::size_t group) {
  const Groups groups(spec);
  if (spec.parents.empty()) return groups.owner(group, channel / 2);
  const std::size_t turn = static_cast<std::size_t>(channel / 2 * spec.n_ranks) % spec.parents.size();
  for (const Rank rank : groups.members(group)) {
    if (spec.parents[turn + static_cast<std::size_t>(rank)] < 0) return rank;
  }
  return -1;
}

inline Rank root_of_rail_tree(const PlanSpec& spec, int channel) {
  return owner_of_rail(spec, channel, static_cast<std::size_t>(DoubleTree(Groups(spec).count(), channel % 2).root()));
}

/// From the leaves, one step a rank, its own and what hangs on it in the order of ranks: within a group on the rank
/// that PlanSpec::parents says, or on the owner, and the owners along the tree of groups.
inline void expect_rail_tree(const Term& term, const PlanSpec& spec, int channel, Rank at) {
  const Groups groups(spec);
  const DoubleTree tree(groups.count(), channel % 2);
  const std::size_t turn =
      spec.parents.empty() ? 0 : static_cast<std::size_t>(channel / 2 * spec.n_ranks) % spec.parents.size();
  const auto owner = [&](std::size_t of) { return owner_of_rail(spec, channel, of); };
  const std::size_t group = groups.group_of(at);
  std::set<Rank> expected{at};
  for (const Rank member : groups.members(group)) {
    if (member == at) continue;
    const Rank above = spec.parents.empty() ? owner(group) : spec.parents[turn + static_cast<std::size_t>(member)];
    if (above == at) expected.insert(member);
  }
  if (at == owner(group)) {
    for (const Rank child : tree.children(static_cast<Rank>(group))) {
      expected.insert(owner(static_cast<std::size_t>(child)));
    }
  }
  if (expected.size() == 1) {
    EXPECT_EQ(term.rank, at);
    return;
  }
  ASSERT_EQ(term.sources.size(), expected.size());
  std::size_t i = 0;
  for (const Rank rank : expected) {
    const Term& source = *term.sources[i++];
    if (rank == at) {
      EXPECT_EQ(source.rank, at);
    } else {
      expect_rail_tree(source, spec, channel, rank);
    }
  }
}

inline void expect_documented(const Term& term, const PlanSpec& spec, int channel, int chunk) {
  const std::string_view algorithm = spec.algorithm;
  const int n = spec.n_ranks;
  SCOPED_TRACE(std::string(algorithm) + ": " + to_string(term));
  const std::vector<Rank> ranks = ranks_of(term);
  EXPECT_EQ(ranks.size(), static_cast<std::size_t>(n));
  EXPECT_EQ(std::set<Rank>(ranks.begin(), ranks.end()).size(), static_cast<std::size_t>(n));
  EXPECT_TRUE(term.completes);
  if (algorithm == "one_shot" || algorithm == "two_shot") {
    expect_one_step(term, n);
  } else if (algorithm == "ring") {
    expect_ring(term, n);
  } else if (algorithm == "recursive_doubling" || algorithm == "halving_doubling") {
    expect_doubling(term);
  } else if (algorithm == "hierarchical") {
    expect_hierarchical(term, n, spec.groups);
  } else if (algorithm == "rail_rings") {
    expect_rail_ring(term, Groups(spec), chunk);
  } else if (algorithm == "rail_trees") {
    expect_rail_tree(term, spec, channel, root_of_rail_tree(spec, channel));
  } else if (algorithm == "forest") {
    expect_forest(term, forest::Trees(spec), channel, forest::Trees(spec).root(channel, 0));
  } else if (algorithm == "tree") {
    const DoubleTree tree(n, channel % 2);
    expect_tree(term, tree, tree.root());
    EXPECT_LE(roundings(term), 2 * std::log2(n));
  } else {
    ADD_FAILURE() << "an order that is not known here: say it here and in docs/arithmetic.md";
  }
}

}  // namespace stretto
