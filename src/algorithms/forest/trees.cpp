#include "algorithms/forest/trees.hpp"

#include <algorithm>
#include <span>

namespace stretto::forest {
namespace {

using Tree = std::span<const std::int32_t>;

/// Each root hands its block to all others itself; the roots of lone trees take turns, where none is given.
std::vector<std::int32_t> stars(const PlanSpec& spec) {
  std::vector<std::int32_t> parents;
  for (int channel = 0; channel < spec.channels; ++channel) {
    for (int tree = 0; tree < Trees::count(spec); ++tree) {
      const Rank lone = row_of(spec.collective).rooted ? spec.root : channel % spec.n_ranks;
      const Rank root = Trees::count(spec) == 1 ? lone : tree;
      for (Rank rank = 0; rank < spec.n_ranks; ++rank) parents.push_back(rank == root ? -1 : root);
    }
  }
  return parents;
}

Rank root_of(Tree tree) { return static_cast<Rank>(std::ranges::find(tree, -1) - tree.begin()); }

/// How far below the root; -1: the way up does not end there.
int depth_in(Tree tree, Rank root, Rank rank) {
  const auto n = static_cast<Rank>(tree.size());
  int depth = 0;
  for (; rank != root && depth < n; ++depth) {
    rank = tree[static_cast<std::size_t>(rank)];
    if (rank < 0 || rank >= n) return -1;
  }
  return rank == root ? depth : -1;
}

bool is_tree(Tree tree) {
  const Rank root = root_of(tree);
  const auto n = static_cast<Rank>(tree.size());
  for (Rank rank = 0; rank < n; ++rank) {
    if (root == n || depth_in(tree, root, rank) < 0) return false;
  }
  return true;
}

}  // namespace

bool Trees::well_formed(const PlanSpec& spec) {
  if (spec.parents.empty()) return true;
  const auto n = static_cast<std::size_t>(spec.n_ranks);
  const auto n_trees = static_cast<std::size_t>(count(spec));
  if (spec.parents.size() != static_cast<std::size_t>(spec.channels) * n_trees * n) return false;
  for (std::size_t number = 0; number < spec.parents.size() / n; ++number) {
    const Tree tree = std::span(spec.parents).subspan(number * n, n);
    if (!is_tree(tree)) return false;
    if (n_trees > 1 && root_of(tree) != static_cast<Rank>(number % n)) return false;
    if (row_of(spec.collective).rooted && root_of(tree) != spec.root) return false;
  }
  return true;
}

Trees::Trees(const PlanSpec& spec)
    : n_(static_cast<std::size_t>(spec.n_ranks)),
      n_trees_(static_cast<std::size_t>(count(spec))),
      n_channels_(spec.channels),
      parents_(spec.parents.empty() ? stars(spec) : spec.parents) {
  STRETTO_ASSERT(well_formed(spec));
  for (std::size_t begin = 0; begin < parents_.size(); begin += n_) {
    const Tree tree = std::span(parents_).subspan(begin, n_);
    roots_.push_back(root_of(tree));
    for (Rank rank = 0; rank < n_ranks(); ++rank) {
      depths_.push_back(depth_in(tree, roots_.back(), rank));
      deepest_ = std::max(deepest_, depths_.back());
    }
  }
}

std::vector<Rank> Trees::children(int channel, int tree, Rank rank) const {
  std::vector<Rank> found;
  for (Rank other = 0; other < n_ranks(); ++other) {
    if (parent(channel, tree, other) == rank) found.push_back(other);
  }
  return found;
}

std::vector<int> Trees::handed(int channel, Rank from, Rank to, int depth) const {
  std::vector<int> found;
  for (int tree = 0; tree < static_cast<int>(n_trees_); ++tree) {
    if (parent(channel, tree, to) == from && this->depth(channel, tree, from) == depth) found.push_back(tree);
  }
  return found;
}

int Trees::most_handed() const {
  if (n_trees_ == 1) return n_ > 1 ? 1 : 0;
  const std::size_t n_depths = static_cast<std::size_t>(deepest_) + 1;
  std::vector<int> count(n_ * n_depths);  // of one giver, by taker and depth
  int most = 0;
  for (int channel = 0; channel < n_channels_; ++channel) {
    for (Rank from = 0; from < n_ranks(); ++from) {
      std::ranges::fill(count, 0);
      for (int tree = 0; tree < static_cast<int>(n_trees_); ++tree) {
        const auto at = static_cast<std::size_t>(depth(channel, tree, from));
        for (Rank to = 0; to < n_ranks(); ++to) {
          if (parent(channel, tree, to) != from) continue;
          most = std::max(most, ++count[static_cast<std::size_t>(to) * n_depths + at]);
        }
      }
    }
  }
  return most;
}

}  // namespace stretto::forest
