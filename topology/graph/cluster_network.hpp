// A cluster laid out as one network of links, with GPUs as ranks, and the way that messages take through it. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "topology/graph/cluster.hpp"
#include "topology/graph/cluster_likeness.hpp"
#include "topology/graph/host_network.hpp"
#include "topology/graph/network.hpp"

namespace stretto::topology {

class ClusterNetwork {
 public:
  struct Host {
    const HostNetwork* local = nullptr;
    VertexId first_vertex = 0;
    std::int32_t first_rank = 0;
    std::int32_t leaf_group = 0;
  };

  /// The first `n_ranks` ranks, at least one, host by host. The hosts without any are not in the network, but their
  /// NICs count for what leaves have to the spine. All NVSwitches of a host are one, since GPUs spread what they send
  /// over all of them.
  ClusterNetwork(const Cluster& cluster, std::int32_t n_ranks);

  const Network& network() const { return network_; }
  const std::vector<Host>& hosts() const { return hosts_; }
  /// By rank.
  const std::vector<std::int32_t>& host_of() const { return host_of_; }
  /// What is near: hosts if there are several, else the NUMA nodes of the one; as PlanSpec::groups has them. Empty
  /// unless there are two groups, and two ranks in one of them.
  std::vector<std::int32_t> groups() const;

  /// By rank, the number of its NIC, and what it has of that in Mb/s. Empty where hosts have as many ranks as one
  /// another, rank i of each is alone at NIC i, and all NICs are as fast as one another.
  std::vector<std::int32_t> rails() const;
  std::vector<std::int32_t> widths() const;

  /// From rank to rank. Within a host the shortest; to another one through the NIC of either GPU, the leaves and, from
  /// leaf to leaf, the spine. A GPU's NIC is the nearest, of equally near ones one that fewer GPUs have.
  std::vector<VertexId> way(std::int32_t from, std::int32_t to) const;

  /// Ranks enough that, seen from rank 0, every other one is as one of them, whichever hosts are exchanged for their
  /// like: bounds need to look at no others.
  std::vector<VertexId> unlike() const;
  /// Ways to part the network that bounds may look at, by vertex: its hosts, and what shares leaves; of one host, what
  /// is behind the narrowest place of each rank. -1: in no part, as the spine.
  std::vector<std::vector<std::int32_t>> partitions() const;
  /// Hosts that can all be exchanged for those that follow them, in a circle; nothing if they cannot.
  Likeness alike_hosts() const;
  /// Rails, if every rank of a host is to everything in its host, its NIC and the leaves as every other one; nothing if
  /// one is not.
  Likeness alike_rails() const;

 private:
  bool has_plain_rails() const;
  std::vector<std::int32_t> unlike_hosts() const;
  void add_ranks_of(const Host& host, std::vector<VertexId>& ranks) const;
  void add_host(std::int32_t number, const HostNetwork& local);
  void add_leaves(const Cluster& cluster);
  VertexId leaf_of(const Host& host, std::int32_t port) const;
  /// Whether all its ranks are joined alike to one another, and all to their NICs.
  bool ways_are_alike(const Host& host, const std::vector<VertexId>& like) const;

  Network network_;
  Fabric fabric_;
  std::vector<std::unique_ptr<HostNetwork>> locals_;  ///< one for all that are alike
  std::vector<Host> hosts_;
  std::vector<std::int32_t> host_of_;
  std::map<std::pair<std::int32_t, std::int32_t>, VertexId> leaves_;  ///< by group and rail
  /// By group, what hosts are in it: groups with the same are alike.
  std::vector<std::vector<std::int32_t>> group_variants_;
  VertexId spine_ = -1;
};

}  // namespace stretto::topology
