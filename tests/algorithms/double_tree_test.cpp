#include "algorithms/double_tree.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

namespace stretto::tree {
namespace {

bool interior(const DoubleTree& tree, Rank rank) { return !tree.children(rank).empty(); }

int distance_to_root(const DoubleTree& tree, Rank rank, int at_most) {
  int distance = 0;
  while (distance <= at_most && rank != tree.root()) {
    rank = tree.parent(rank);
    ++distance;
  }
  return distance;
}

TEST(DoubleTree, EveryNumberOfRanks_GivesTwoBinaryTreesOfLogarithmicDepth) {
  for (int n = 1; n <= 300; ++n) {
    for (int which = 0; which < 2; ++which) {
      const DoubleTree tree(n, which);
      int deepest = 0;
      int edges = 0;
      for (Rank rank = 0; rank < n; ++rank) {
        ASSERT_EQ(tree.parent(rank) < 0, rank == tree.root());
        deepest = std::max(deepest, distance_to_root(tree, rank, n));
        const std::vector<Rank> children = tree.children(rank);
        ASSERT_LE(children.size(), 2U);
        edges += static_cast<int>(children.size());
        for (const Rank child : children) ASSERT_EQ(tree.parent(child), rank) << n << " " << which;
      }
      EXPECT_EQ(edges, n - 1);
      EXPECT_EQ(deepest, tree.depth()) << n << " " << which;
      EXPECT_EQ(deepest, std::bit_width(static_cast<unsigned>(n)) - 1);
    }
  }
}

TEST(DoubleTree, NoRank_IsInteriorInBoth) {
  for (int n = 2; n <= 300; ++n) {
    const DoubleTree even(n, 0);
    const DoubleTree odd(n, 1);
    int leaves_of_both = 0;
    for (Rank rank = 0; rank < n; ++rank) {
      ASSERT_FALSE(interior(even, rank) && interior(odd, rank)) << n << " rank " << rank;
      leaves_of_both += !interior(even, rank) && !interior(odd, rank) ? 1 : 0;
    }
    EXPECT_EQ(leaves_of_both, n % 2) << n;
  }
}

TEST(DoubleTree, Towards_LeadsToTheTargetByTheOnlyPath) {
  for (int n = 2; n <= 64; ++n) {
    for (int which = 0; which < 2; ++which) {
      const DoubleTree tree(n, which);
      for (Rank from = 0; from < n; ++from) {
        for (Rank to = 0; to < n; ++to) {
          Rank before = -1;
          Rank at = from;
          for (int hops = 0; at != to; ++hops) {
            ASSERT_LE(hops, 2 * tree.depth());
            const std::vector<Rank> near = tree.neighbours(at);
            const Rank next = tree.towards(at, to);
            ASSERT_NE(next, before);
            ASSERT_NE(std::find(near.begin(), near.end(), next), near.end());
            before = at;
            at = next;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace stretto::tree
