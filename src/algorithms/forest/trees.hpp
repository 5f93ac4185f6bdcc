// The trees of a plan's spec, looked up. A channel has one tree for each rank's block, or one alone, where there is one
// block.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace stretto::forest {

class Trees {
 public:
  /// Of a spec whose trees are well formed.
  explicit Trees(const PlanSpec& spec);

  /// Whether PlanSpec::parents has a parent for each rank in each tree, and leads to the root from everywhere. Empty
  /// is.
  static bool well_formed(const PlanSpec& spec);
  /// Of a channel.
  static int count(const PlanSpec& spec) { return row_of(spec.collective).blocks == Blocks::one ? 1 : spec.n_ranks; }

  int n_ranks() const { return static_cast<int>(n_); }
  Rank root(int channel, int tree) const {
    return roots_[static_cast<std::size_t>(channel) * n_trees_ + static_cast<std::size_t>(tree)];
  }
  /// -1: of the root itself.
  Rank parent(int channel, int tree, Rank rank) const { return parents_[index(channel, tree, rank)]; }
  /// Ascending.
  std::vector<Rank> children(int channel, int tree, Rank rank) const;
  int depth(int channel, int tree, Rank rank) const { return depths_[index(channel, tree, rank)]; }
  int deepest() const { return deepest_; }
  /// What `from` hands to `to` in one message when blocks that are `depth` ranks below their roots at `from` move on:
  /// the numbers of their trees, ascending. Against the trees the message goes from `to` to `from`.
  std::vector<int> handed(int channel, Rank from, Rank to, int depth) const;
  /// Most trees of a message.
  int most_handed() const;

 private:
  std::size_t index(int channel, int tree, Rank rank) const {
    return (static_cast<std::size_t>(channel) * n_trees_ + static_cast<std::size_t>(tree)) * n_ +
           static_cast<std::size_t>(rank);
  }

  std::size_t n_;
  std::size_t n_trees_;
  int n_channels_;
  std::vector<std::int32_t> parents_;
  std::vector<Rank> roots_;
  std::vector<std::int32_t> depths_;
  int deepest_ = 0;
};

}  // namespace stretto::forest
