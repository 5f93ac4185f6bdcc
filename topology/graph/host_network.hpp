// A host of a cluster by itself, laid out as a network of links, with its GPUs as ranks, and where each of them goes
// out of it. Part of cluster_network.hpp. Pure.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "topology/graph/cluster.hpp"
#include "topology/graph/network.hpp"
#include "topology/graph/ways.hpp"

namespace stretto::topology {

/// Networks have 1e6 bytes per second, ports 1e6 bits. What is joined at all carries something.
constexpr std::int64_t megabytes_of(std::int64_t megabits) { return megabits < 8 ? 1 : megabits / 8; }

/// As far as it takes part: the first so many ranks, and the NICs with a port in use, or none if it is alone.
class HostNetwork {
 public:
  HostNetwork(const HostVariant& host, std::int32_t n_ranks, bool alone);

  const Network& network() const { return network_; }
  const Ways& ways() const { return *ways_; }
  bool alone() const { return alone_; }
  /// By port, its NIC's vertex; -1: not there.
  const std::vector<VertexId>& nic_of_port() const { return nic_of_port_; }
  /// By rank. Its port: the nearest, of those one that the fewest have. Nothing if it is alone.
  const std::vector<std::int32_t>& port_of_rank() const { return port_of_rank_; }
  /// By rank, per second: its share of the port.
  const std::vector<std::int32_t>& megabits_of_rank() const { return megabits_of_rank_; }
  const std::vector<NodeId>& numa_of_rank() const { return numa_of_rank_; }
  /// From the rank to its NIC.
  std::vector<VertexId> way_out(std::int32_t rank) const;

 private:
  void choose_ports(const HostVariant& host, const std::vector<VertexId>& vertex_of_node);

  Network network_;
  std::unique_ptr<Ways> ways_;
  bool alone_;
  std::vector<VertexId> nic_of_port_;
  std::vector<std::int32_t> port_of_rank_;
  std::vector<std::int32_t> megabits_of_rank_;
  std::vector<NodeId> numa_of_rank_;
};

}  // namespace stretto::topology
