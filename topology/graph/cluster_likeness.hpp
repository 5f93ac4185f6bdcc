// Which parts of a cluster are alike: so that one of them, simulated, stands for all. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "topology/graph/network.hpp"

namespace stretto::topology {

/// Ways to exchange the parts of a network for one another, so that it is the same as before.
struct Likeness {
  /// By vertex, the first that it can be exchanged for. Empty: nothing is alike.
  std::vector<VertexId> of_vertex;
  /// Of hosts that follow one another in a circle: after how many ranks all is as before; rank r is as r + ranks is. 0:
  /// ranks are as they are.
  std::int32_t ranks = 0;
  /// Of rails: how many of them are alike, rank by rank of each host; 0 or 1: none.
  std::int32_t rails = 0;
};

}  // namespace stretto::topology
