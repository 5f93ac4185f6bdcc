// Clusters for tests: from a line, and random small ones.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "topology/files/cluster_line.hpp"
#include "topology/graph/cluster_network.hpp"
#include "topology/graph/host_kinds.hpp"

namespace stretto::topology {

inline Machine machine_of_kind(const std::string& kind) { return find_host_kind(kind)->make(); }

inline Cluster cluster_of(const std::string& line) { return make_cluster(parse_cluster_line(line), machine_of_kind); }

inline ClusterNetwork laid_out(const std::string& line) {
  const Cluster cluster = cluster_of(line);
  return {cluster, static_cast<std::int32_t>(cluster.n_ranks())};
}

/// Of a few hosts of one to eight ranks, with networks and faults of all kinds.
inline std::string random_cluster_line(std::mt19937_64& random, const std::vector<std::string>& kinds) {
  const auto number = [&](std::uint64_t below) { return std::to_string(random() % below); };
  const auto any_kind = [&] { return kinds[random() % kinds.size()]; };
  const std::uint64_t hosts = 2 + random() % 3;
  std::string line = std::to_string(hosts) + " x " + any_kind();
  if (random() % 3 == 0) line += " + 1 x " + any_kind();
  const bool is_flat = random() % 3 == 0;
  if (!is_flat)
    line += (hosts > 2 ? ", 2" : ", 1") +
            std::string(random() % 2 == 0 ? " hosts a leaf" : " hosts a leaf, rail-optimised");
  if (!is_flat) line += ", " + std::to_string(1 + random() % 3) + ":1 spine";
  if (random() % 3 == 0) line += ", " + std::to_string(10 * (1 + random() % 40)) + " Gb/s NICs";
  if (random() % 3 == 0) line += ", host " + number(hosts) + " NIC 0 at 8 Gb/s";
  return line;
}

}  // namespace stretto::topology
