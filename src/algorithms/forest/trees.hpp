// The trees of a plan's spec, looked up: for each channel and root one tree that spans all ranks.
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

  int n_ranks() const { return static_cast<int>(n_); }
  /// -1: of the root itself.
  Rank parent(int channel, Rank root, Rank rank) const { return parents_[index(channel, root, rank)]; }
  int depth(int channel, Rank root, Rank rank) const { return depths_[index(channel, root, rank)]; }
  int deepest() const { return deepest_; }
  /// What `from` hands to `to` in one message when blocks that are `depth` ranks below their roots at `from` move on:
  /// their roots, ascending. Against the trees the message goes from `to` to `from`.
  std::vector<Rank> roots(int channel, Rank from, Rank to, int depth) const;
  /// Most roots of a message.
  int most_roots() const;

 private:
  std::size_t index(int channel, Rank root, Rank rank) const {
    return (static_cast<std::size_t>(channel) * n_ + static_cast<std::size_t>(root)) * n_ +
           static_cast<std::size_t>(rank);
  }

  std::size_t n_;
  int n_channels_;
  std::vector<std::int32_t> parents_;
  std::vector<std::int32_t> depths_;
  int deepest_ = 0;
};

}  // namespace stretto::forest
