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

  /// By group and rail; after the last rail all is as before.
  const std::vector<std::vector<Rank>>& all() const { return owners_; }
  /// After so many rails all is as before.
  static int turns(const PlanSpec& spec, const Groups& groups);

 private:
  std::vector<std::vector<Rank>> owners_;
};

}  // namespace stretto::rail_trees
