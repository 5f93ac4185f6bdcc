// A host of a cluster on its picture: a box with its NICs on top, then its GPUs on a bar for each NUMA node, and how
// they are joined. What is wrong with it is red.
#pragma once

#include <vector>

#include "topology/files/cluster_layout.hpp"
#include "topology/files/svg.hpp"

namespace stretto::topology {

inline constexpr const char* kFaultColor = "#d3202a";

/// Where the wires of NICs end, by port; as many as are shown.
std::vector<double> nic_centers(const ClusterLayout::Host& host, const HostVariant& variant);
double nic_top(const ClusterLayout::Host& host);

void draw_host(SvgPage& page, const ClusterLayout::Host& host, const ClusterFacts& facts, const Cluster& cluster);

}  // namespace stretto::topology
