#include "algorithms/rail_trees/plan.hpp"

#include "algorithms/double_tree.hpp"
#include "algorithms/groups.hpp"
#include "algorithms/rail_trees/owners.hpp"
#include "algorithms/strand_builder.hpp"
#include "algorithms/tree_strands.hpp"

namespace stretto::rail_trees {
namespace {

constexpr int kTrees = 2;

/// The tree of one channel.
class Rail {
 public:
  Rail(const Groups& groups, const Owners& owners, int channel)
      : groups_(groups), owners_(owners), rail_(channel / kTrees), tree_(channel % kTrees) {}

  /// Of a tree over all groups.
  TreePlace place(Rank rank) const {
    const std::size_t group = groups_.group_of(rank);
    if (rank != owner(group)) return {owner(group), {}};
    const DoubleTree tree(groups_.count(), tree_);
    const auto position = static_cast<Rank>(group);
    TreePlace place{tree.parent(position), members_below(group, rank)};
    if (place.parent >= 0) place.parent = owner(static_cast<std::size_t>(place.parent));
    for (const Rank child : tree.children(position)) place.children.push_back(owner(static_cast<std::size_t>(child)));
    return place;
  }

  /// Of one that begins at `root`. Its group's owner hangs on it, and the tree over the other groups on that.
  TreePlace place_below(Rank root, Rank rank) const {
    const std::size_t home = groups_.group_of(root);
    const std::size_t group = groups_.group_of(rank);
    const Rank head = owner(home);
    const DoubleTree tree(groups_.count() - 1, tree_);
    const auto outer = [&](Rank position) {
      return owner((static_cast<std::size_t>(position) + home + 1) % static_cast<std::size_t>(groups_.count()));
    };
    TreePlace place;
    if (rank == root && rank != head) {
      place.children.push_back(head);
      return place;
    }
    if (rank == head) {
      place.parent = rank == root ? -1 : root;
      place.children = members_below(group, rank);
      std::erase(place.children, root);
      if (groups_.count() > 1) place.children.push_back(outer(tree.root()));
      return place;
    }
    if (rank != owner(group)) return {owner(group), {}};
    const int n_others = groups_.count() - 1;
    const auto position =
        static_cast<Rank>((static_cast<int>(group) - static_cast<int>(home) - 1 + groups_.count()) % groups_.count());
    STRETTO_ASSERT(position < n_others);
    place.parent = tree.parent(position) < 0 ? head : outer(tree.parent(position));
    place.children = members_below(group, rank);
    for (const Rank child : tree.children(position)) place.children.push_back(outer(child));
    return place;
  }

 private:
  Rank owner(std::size_t group) const { return owners_.of(group, rail_); }

  std::vector<Rank> members_below(std::size_t group, Rank owner) const {
    std::vector<Rank> members = groups_.members(group);
    std::erase(members, owner);
    return members;
  }

  const Groups& groups_;
  const Owners& owners_;
  int rail_;
  int tree_;
};

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::broadcast, Collective::reduce});
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

std::int32_t even_channels(const PlanSpec& spec) { return kTrees * Owners::turns(spec, Groups(spec)); }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Groups groups(spec);
  const Owners owners(spec, groups);
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    const Rail rail(groups, owners, channel);
    if (spec.collective == Collective::all_reduce) {
      all_reduce_along(program.strands, rail.place(rank), rank, channel);
    } else if (spec.collective == Collective::broadcast) {
      broadcast_along(program.strands, rail.place_below(spec.root, rank), channel);
    } else {
      reduce_along(program.strands, rail.place_below(spec.root, rank), rank, channel);
    }
  }
  return program;
}

}  // namespace stretto::rail_trees
