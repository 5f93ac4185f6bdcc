#include "algorithms/forest/trees.hpp"

#include <algorithm>

namespace stretto::forest {
namespace {

/// Each root hands its block to all others itself.
std::vector<std::int32_t> stars(int n_channels, int n_ranks) {
  std::vector<std::int32_t> parents;
  for (int channel = 0; channel < n_channels; ++channel) {
    for (Rank root = 0; root < n_ranks; ++root) {
      for (Rank rank = 0; rank < n_ranks; ++rank) parents.push_back(rank == root ? -1 : root);
    }
  }
  return parents;
}

/// How far below the root; -1: the way up does not end there.
int depth_in(const std::int32_t* tree, int n_ranks, Rank root, Rank rank) {
  int depth = 0;
  while (rank != root && depth < n_ranks) {
    rank = tree[rank];
    if (rank < 0 || rank >= n_ranks) return -1;
    ++depth;
  }
  return rank == root ? depth : -1;
}

}  // namespace

bool Trees::well_formed(const PlanSpec& spec) {
  if (spec.parents.empty()) return true;
  const auto n = static_cast<std::size_t>(spec.n_ranks);
  if (spec.parents.size() != static_cast<std::size_t>(spec.channels) * n * n) return false;
  for (std::size_t tree = 0; tree < spec.parents.size() / n; ++tree) {
    const std::int32_t* const parents = spec.parents.data() + tree * n;
    const auto root = static_cast<Rank>(tree % n);
    if (parents[root] != -1) return false;
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      if (depth_in(parents, spec.n_ranks, root, rank) < 0) return false;
    }
  }
  return true;
}

Trees::Trees(const PlanSpec& spec)
    : n_(static_cast<std::size_t>(spec.n_ranks)),
      n_channels_(spec.channels),
      parents_(spec.parents.empty() ? stars(spec.channels, spec.n_ranks) : spec.parents),
      depths_(parents_.size()) {
  STRETTO_ASSERT(well_formed(spec));
  for (std::size_t i = 0; i < parents_.size(); ++i) {
    const std::size_t tree = i / n_;
    depths_[i] =
        depth_in(parents_.data() + tree * n_, spec.n_ranks, static_cast<Rank>(tree % n_), static_cast<Rank>(i % n_));
    deepest_ = std::max(deepest_, depths_[i]);
  }
}

std::vector<Rank> Trees::roots(int channel, Rank from, Rank to, int depth) const {
  std::vector<Rank> found;
  for (Rank root = 0; root < static_cast<Rank>(n_); ++root) {
    if (parent(channel, root, to) == from && this->depth(channel, root, from) == depth) found.push_back(root);
  }
  return found;
}

int Trees::most_roots() const {
  std::vector<int> count(n_ * n_ * static_cast<std::size_t>(deepest_ + 1));  // by giver, taker and depth
  int most = 0;
  for (int channel = 0; channel < n_channels_; ++channel) {
    std::ranges::fill(count, 0);
    for (Rank root = 0; root < static_cast<Rank>(n_); ++root) {
      for (Rank to = 0; to < static_cast<Rank>(n_); ++to) {
        const Rank from = parent(channel, root, to);
        if (from < 0) continue;
        const std::size_t at = (static_cast<std::size_t>(from) * n_ + static_cast<std::size_t>(to)) *
                                   static_cast<std::size_t>(deepest_ + 1) +
                               static_cast<std::size_t>(depth(channel, root, from));
        most = std::max(most, ++count[at]);
      }
    }
  }
  return most;
}

}  // namespace stretto::forest
