#include "algorithms/rail_trees/plan.hpp"

#include "algorithms/double_tree.hpp"
#include "algorithms/groups.hpp"
#include "algorithms/rail_trees/group_trees.hpp"
#include "algorithms/strand_builder.hpp"
#include "algorithms/tree_strands.hpp"

namespace stretto::rail_trees {
namespace {

constexpr int kTrees = 2;

/// The tree of one channel: those of the groups, whose owners form one.
class Rail {
 public:
  Rail(const Groups& groups, const GroupTrees& trees, int channel)
      : groups_(groups), trees_(trees), rail_(channel / kTrees), tree_(channel % kTrees) {}

  /// Of a tree over all groups.
  TreePlace place(Rank rank) const {
    TreePlace place = place_in_group(rank);
    if (place.parent >= 0) return place;
    const DoubleTree tree(groups_.count(), tree_);
    const auto position = static_cast<Rank>(groups_.group_of(rank));
    if (tree.parent(position) >= 0) place.parent = owner(tree.parent(position));
    for (const Rank child : tree.children(position)) place.children.push_back(owner(child));
    return place;
  }

  /// Of one that begins at `root`, whose group's tree hangs on it, and the tree over the other groups on that one's
  /// owner.
  TreePlace place_below(Rank root, Rank rank) const {
    const auto home = static_cast<int>(groups_.group_of(root));
    const auto group = static_cast<int>(groups_.group_of(rank));
    const DoubleTree tree(groups_.count() - 1, tree_);
    const auto outer = [&](Rank position) { return owner((position + home + 1) % groups_.count()); };
    TreePlace place = place_in_group(rank);
    if (group == home) {
      turn_round(place, root, rank);
      if (rank == owner(home) && groups_.count() > 1) place.children.push_back(outer(tree.root()));
      return place;
    }
    if (place.parent >= 0) return place;
    const auto position = static_cast<Rank>((group - home - 1 + groups_.count()) % groups_.count());
    place.parent = tree.parent(position) < 0 ? owner(home) : outer(tree.parent(position));
    for (const Rank child : tree.children(position)) place.children.push_back(outer(child));
    return place;
  }

 private:
  Rank owner(int group) const { return trees_.owner(static_cast<std::size_t>(group), rail_); }

  TreePlace place_in_group(Rank rank) const { return {trees_.parent(rail_, rank), trees_.children(rail_, rank)}; }

  /// Edges from `root` to its group's owner point the other way.
  void turn_round(TreePlace& place, Rank root, Rank rank) const {
    Rank above = -1;
    for (Rank at = root; at >= 0; at = trees_.parent(rail_, at)) {
      if (at == rank) {
        std::erase(place.children, above);
        if (place.parent >= 0) place.children.push_back(place.parent);
        place.parent = above;
        return;
      }
      above = at;
    }
  }

  const Groups& groups_;
  const GroupTrees& trees_;
  int rail_;
  int tree_;
};

}  // namespace

bool supports(Collective collective) {
  return is_one_of(collective, {Collective::all_reduce, Collective::broadcast, Collective::reduce});
}

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

bool takes_parents(const PlanSpec& spec) { return GroupTrees::well_formed(spec); }

std::int32_t even_channels(const PlanSpec& spec) { return kTrees * GroupTrees::turns(spec, Groups(spec)); }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const Groups groups(spec);
  const GroupTrees trees(spec, groups);
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    const Rail rail(groups, trees, channel);
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
