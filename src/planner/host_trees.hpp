// Trees within the hosts of a cluster, for rail_trees: where GPUs of a host are not joined alike, and share what leads
// to its NICs, a star asks more of some links than they have. Pure.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "algorithms/forest/packed.hpp"
#include "plan/plan.hpp"
#include "topology/graph/cluster_network.hpp"

namespace stretto {

struct TreesOfHosts {
  std::vector<std::int32_t> parents;         ///< as PlanSpec has them
  std::vector<forest::ChannelRoute> routes;  ///< of all channels, each way
};

/// @param spec of rail_trees, with groups, rails and widths: hosts are its groups
/// @param go_on asked now and then: false ends it
/// A host with more than 16 ranks keeps its stars (packing takes too long). Nothing where stars do as well, for more
/// than 2,048 ranks, where more than 32 turns are needed, and if it was ended. Throws Error(strettoInvalidArgument)
/// where a host's ranks are not all joined both ways.
std::optional<TreesOfHosts> trees_of_hosts(const PlanSpec& spec, std::span<const topology::ClusterNetwork::Host> hosts,
                                           const std::function<bool()>& go_on);

}  // namespace stretto
