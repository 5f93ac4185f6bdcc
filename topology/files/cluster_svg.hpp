// A cluster as a picture: SVG text, without scripts, fonts or anything else from outside. Of many hosts it shows a few.
#pragma once

#include <string>

#include "topology/files/cluster_facts.hpp"

namespace stretto::topology {

std::string cluster_to_svg(const ClusterFacts& facts, const Cluster& cluster);

}  // namespace stretto::topology
