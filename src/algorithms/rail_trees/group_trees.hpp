// The trees within groups along which rail_trees brings to a channel's owner what its group has: a star, or what
// PlanSpec::parents says.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/groups.hpp"
#include "algorithms/rail_trees/owners.hpp"
#include "plan/plan.hpp"

namespace stretto::rail_trees {

class GroupTrees {
 public:
  /// Of a spec whose trees are well formed.
  GroupTrees(const PlanSpec& spec, const Groups& groups);

  /// Whether PlanSpec::parents has turns of a parent for each rank, in its group, and from everywhere in a group leads
  /// to the one rank of it that has none. Empty is.
  static bool well_formed(const PlanSpec& spec);
  /// After so many rails all is as before.
  static int turns(const PlanSpec& spec, const Groups& groups);

  Rank owner(std::size_t group, int rail) const;
  /// -1: of the owner.
  Rank parent(int rail, Rank rank) const;
  /// Ascending.
  std::vector<Rank> children(int rail, Rank rank) const;

 private:
  const PlanSpec& spec_;
  const Groups& groups_;
  std::vector<std::vector<Rank>> owners_;  ///< by group and turn
};

}  // namespace stretto::rail_trees
