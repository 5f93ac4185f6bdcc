// A cluster as people and programs read it. docs/topology.md explains both.
#pragma once

#include <string>

#include "topology/files/cluster_facts.hpp"

namespace stretto::topology {

/// What hosts of each kind have; hosts with their ranks and what is wrong with them; leaves with their ports and what
/// they have to the spine.
std::string cluster_to_text(const ClusterFacts& facts, const Cluster& cluster);

/// {"cluster", "hosts", "ranks", "kinds", "host_runs", "leaf_runs", "spine"}.
std::string cluster_to_json(const ClusterFacts& facts, const Cluster& cluster);

}  // namespace stretto::topology
