#include "algorithms/double_tree.hpp"

#include <bit>

namespace stretto {
namespace {

/// Root of positions first..last, which are not empty.
int root_of(int first, int last) {
  const auto size = static_cast<unsigned>(last - first + 1);
  return first - 1 + static_cast<int>(std::bit_floor(size));
}

}  // namespace

int DoubleTree::position_of(Rank rank) const {
  if (tree_ == 0) return rank + 1;
  return n_ranks_ % 2 == 0 ? n_ranks_ - rank : (rank + 1) % n_ranks_ + 1;
}

Rank DoubleTree::rank_at(int position) const {
  if (tree_ == 0) return position - 1;
  return n_ranks_ % 2 == 0 ? n_ranks_ - position : (position - 2 + n_ranks_) % n_ranks_;
}

DoubleTree::Node DoubleTree::find(int position) const {
  Node node{root_of(1, n_ranks_), 0, 1, n_ranks_};
  while (node.position != position) {
    node.parent = node.position;
    (position < node.position ? node.last : node.first) = node.position + (position < node.position ? -1 : 1);
    node.position = root_of(node.first, node.last);
  }
  return node;
}

Rank DoubleTree::root() const { return rank_at(root_of(1, n_ranks_)); }

Rank DoubleTree::parent(Rank rank) const {
  const int position = find(position_of(rank)).parent;
  return position == 0 ? -1 : rank_at(position);
}

std::vector<Rank> DoubleTree::children(Rank rank) const {
  const Node node = find(position_of(rank));
  std::vector<Rank> children;
  if (node.first < node.position) children.push_back(rank_at(root_of(node.first, node.position - 1)));
  if (node.position < node.last) children.push_back(rank_at(root_of(node.position + 1, node.last)));
  return children;
}

std::vector<Rank> DoubleTree::neighbours(Rank rank) const {
  std::vector<Rank> all = children(rank);
  if (const Rank up = parent(rank); up >= 0) all.push_back(up);
  return all;
}

Rank DoubleTree::towards(Rank rank, Rank target) const {
  const Node node = find(position_of(rank));
  const int goal = position_of(target);
  if (goal < node.first || goal > node.last) return rank_at(node.parent);
  return goal < node.position ? rank_at(root_of(node.first, node.position - 1))
                              : rank_at(root_of(node.position + 1, node.last));
}

int DoubleTree::depth() const { return std::bit_width(static_cast<unsigned>(n_ranks_)) - 1; }

}  // namespace stretto
