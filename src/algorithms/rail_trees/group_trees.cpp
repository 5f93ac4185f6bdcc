#include "algorithms/rail_trees/group_trees.hpp"

#include <span>

namespace stretto::rail_trees {
namespace {

using Parents = std::span<const std::int32_t>;

/// Of one turn.
Parents parents_of(const PlanSpec& spec, int rail) {
  const auto n = static_cast<std::size_t>(spec.n_ranks);
  return Parents(spec.parents).subspan(static_cast<std::size_t>(rail) * n % spec.parents.size(), n);
}

/// Whether it is a tree; ranks of other groups are none of it.
bool is_tree(Parents parents, const Groups& groups, std::size_t group) {
  const std::vector<Rank>& members = groups.members(group);
  int owners = 0;
  for (const Rank member : members) {
    Rank at = member;
    for (std::size_t steps = 0; parents[static_cast<std::size_t>(at)] >= 0; ++steps) {
      at = parents[static_cast<std::size_t>(at)];
      const bool is_member = at < static_cast<Rank>(parents.size()) && groups.group_of(at) == group;
      if (!is_member || steps >= members.size()) return false;
    }
    owners += parents[static_cast<std::size_t>(member)] < 0 ? 1 : 0;
  }
  return owners == 1;
}

}  // namespace

bool GroupTrees::well_formed(const PlanSpec& spec) {
  const auto n = static_cast<std::size_t>(spec.n_ranks);
  if (spec.parents.size() % n != 0) return false;
  const Groups groups(spec);
  for (std::size_t at = 0; at < spec.parents.size(); at += n) {
    for (std::size_t group = 0; group < groups.all().size(); ++group) {
      if (!is_tree(Parents(spec.parents).subspan(at, n), groups, group)) return false;
    }
  }
  return true;
}

int GroupTrees::turns(const PlanSpec& spec, const Groups& groups) {
  if (spec.parents.empty()) return Owners::turns(spec, groups);
  return static_cast<int>(spec.parents.size()) / spec.n_ranks;
}

GroupTrees::GroupTrees(const PlanSpec& spec, const Groups& groups) : spec_(spec), groups_(groups) {
  if (spec.parents.empty()) {
    owners_ = Owners(spec, groups).all();
    return;
  }
  owners_.resize(groups.all().size());
  for (int turn = 0; turn < turns(spec, groups); ++turn) {
    const Parents parents = parents_of(spec, turn);
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      if (parents[static_cast<std::size_t>(rank)] < 0) owners_[groups.group_of(rank)].push_back(rank);
    }
  }
}

Rank GroupTrees::owner(std::size_t group, int rail) const {
  const std::vector<Rank>& owners = owners_[group];
  return owners[static_cast<std::size_t>(rail) % owners.size()];
}

Rank GroupTrees::parent(int rail, Rank rank) const {
  if (!spec_.parents.empty()) return parents_of(spec_, rail)[static_cast<std::size_t>(rank)];
  const Rank owner_of_group = owner(groups_.group_of(rank), rail);
  return rank == owner_of_group ? -1 : owner_of_group;
}

std::vector<Rank> GroupTrees::children(int rail, Rank rank) const {
  const std::size_t group = groups_.group_of(rank);
  std::vector<Rank> found;
  if (spec_.parents.empty() && rank != owner(group, rail)) return found;
  for (const Rank member : groups_.members(group)) {
    if (parent(rail, member) == rank) found.push_back(member);
  }
  return found;
}

}  // namespace stretto::rail_trees
