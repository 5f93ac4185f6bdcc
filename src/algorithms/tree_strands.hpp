// One rank's part of a tree, whatever the tree: what goes up is summed, what comes down is handed on. Two strands, so
// that a round goes up while earlier ones come down.
#pragma once

#include <vector>

#include "plan/plan.hpp"

namespace stretto {

/// A rank's place in a tree of all ranks.
struct TreePlace {
  Rank parent = -1;  ///< -1: the root
  std::vector<Rank> children;
};

/// In place: a result reaches a rank only after its parent has read what this rank sent up.
void all_reduce_along(std::vector<Strand>& strands, const TreePlace& place, Rank rank, int channel);
void broadcast_along(std::vector<Strand>& strands, const TreePlace& place, int channel);
void reduce_along(std::vector<Strand>& strands, const TreePlace& place, Rank rank, int channel);

}  // namespace stretto
