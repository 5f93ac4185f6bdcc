// Which rank of each group owns a channel of rail_trees: whose way out the channel's bytes take.
#pragma once

#include <cstdint>
#include <vector>

#include "algorithms/groups.hpp"
#include "plan/plan.hpp"

namespace stretto::rail_trees {

class Owners {
 public:
  Owners(const PlanSpec& spec, const Groups& groups);

  Rank of(std::size_t group, int rail) const {
    const std::vector<Rank>& owners = owners_[group];
    return owners[static_cast<std::size_t>(rail) % owners.size()];
  }
  /// After so many rails all is as before.
  static int turns(const PlanSpec& spec, const Groups& groups);

 private:
  std::vector<std::vector<Rank>> owners_;  ///< by group and rail
};

}  // namespace stretto::rail_trees
