// From packed trees (topology/graph/forest.hpp) to what a plan's spec and a simulation need: a channel for each unit.
#pragma once

#include <vector>

#include "plan/plan.hpp"
#include "topology/graph/forest.hpp"

namespace stretto::forest {

struct ChannelRoute {
  std::int32_t channel = 0;
  std::vector<topology::VertexId> vertices;  ///< from rank to rank
};

struct PackedTrees {
  std::int32_t channels = 0;
  std::vector<std::int32_t> parents;  ///< as PlanSpec has them for the collective
  /// Down the trees, up, or both, as the collective goes. Trees of several roots that join two ranks on one channel
  /// take one way, so a simulation may load a link a little more than the packing does; many channels even that out.
  std::vector<ChannelRoute> routes;
};

/// The vertices that the tree's unit of that number takes along an edge of it, from rank to rank.
const std::vector<topology::VertexId>& way_of(const topology::TreeEdge& edge, std::int64_t unit);

/// For an all-reduce a channel for each unit of each root, else one for each unit of every root. Of a broadcast or
/// reduce the forest is of its root alone.
/// @param repeat as many channels for each of these: a rank then sends to several others at once
PackedTrees packed_trees(const topology::Forest& forest, Collective collective, std::int32_t n_ranks,
                         std::int32_t repeat = 1);

}  // namespace stretto::forest
