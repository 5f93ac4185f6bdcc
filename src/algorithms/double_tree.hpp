// Two binary trees over the same ranks, such that (nearly) every rank is interior in one and a leaf of the other.
//
// Both are in-order trees over positions 1..n in which odd positions are leaves: the root of positions a+1..a+m is at
// a + (largest power of two <= m). The second tree gives rank r the position of opposite parity: the mirror image for
// even n, a shift by one for odd n (where one rank is a leaf of both).
#pragma once

#include <vector>

#include "base/error.hpp"

namespace stretto {

class DoubleTree {
 public:
  /// @param tree 0 or 1
  DoubleTree(int n_ranks, int tree) : n_ranks_(n_ranks), tree_(tree) {}

  Rank root() const;
  /// -1 for the root.
  Rank parent(Rank rank) const;
  std::vector<Rank> children(Rank rank) const;
  /// Parent and children.
  std::vector<Rank> neighbours(Rank rank) const;
  /// The neighbour of `rank` on the path to `target`, another rank.
  Rank towards(Rank rank, Rank target) const;
  /// Edges from the root to the deepest leaf.
  int depth() const;

 private:
  /// A node and the positions of its subtree, itself included; 0: none.
  struct Node {
    int position = 0;
    int parent = 0;
    int first = 0;
    int last = 0;
  };

  Node find(int position) const;
  int position_of(Rank rank) const;
  Rank rank_at(int position) const;

  int n_ranks_;
  int tree_;
};

}  // namespace stretto
