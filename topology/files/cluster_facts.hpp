// What people and programs are shown of a cluster, whether as text, JSON or a picture: what is alike is one row, so
// that it is as long for 65,536 hosts as for two.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/graph/cluster.hpp"

namespace stretto::topology {

/// What is wrong with a host.
struct HostFault {
  ClusterSpec::Fault fault = ClusterSpec::Fault::no_gpu;
  std::int32_t first = 0;                ///< the GPU, or the NIC
  std::int32_t second = 0;               ///< the other GPU, of no_link
  std::int64_t megabits_per_s = 0;       ///< of slow_nic
  std::int64_t made_megabits_per_s = 0;  ///< the same, as it should be

  bool operator==(const HostFault&) const = default;
};

/// Hosts in a row of one kind, with the same faults.
struct HostRun {
  std::int32_t first = 0;
  std::int32_t count = 0;
  std::size_t kind = 0;  ///< of ClusterFacts::kinds
  std::int64_t first_rank = 0;
  std::int32_t ranks_of_each = 0;
  std::vector<HostFault> faults;
};

struct PortCount {
  std::int64_t megabits_per_s = 0;
  std::int64_t count = 0;
};

struct LeafFacts {
  std::int32_t rail = -1;        ///< -1: all NICs of its hosts
  std::vector<PortCount> ports;  ///< the fastest first
  std::int64_t free_ports = 0;   ///< whose NIC is missing
  std::int64_t spine_megabits_per_s = 0;
};

/// Groups of hosts in a row that share leaves, all with the same.
struct LeafRun {
  std::int32_t first = 0;  ///< group
  std::int32_t count = 0;
  std::int32_t first_host = 0;
  std::int32_t hosts_of_each = 0;
  std::vector<LeafFacts> leaves;  ///< of each group
};

struct ClusterFacts {
  struct Kind {
    std::string name;
    std::int32_t host = 0;        ///< the first of them that is whole, if one is
    std::vector<PortCount> nics;  ///< as made; of all NICs, in their order
  };
  std::string line;
  std::vector<Kind> kinds;
  std::vector<HostRun> hosts;
  std::vector<LeafRun> groups;
  std::int64_t n_ranks = 0;
  std::int64_t n_leaves = 0;
  bool has_spine = false;

  const HostRun& run_of(std::int32_t host) const;
  const LeafRun& leaves_of(std::int32_t group) const;
};

/// `cluster` is what `spec` was made.
ClusterFacts facts_of(const ClusterSpec& spec, const Cluster& cluster);

/// "8 GPUs, each 12 NVLinks to 6 NVSwitches; 8 NICs of 200 Gb/s".
std::string kind_words(const ClusterFacts::Kind& kind, const Cluster& cluster);
/// "GPU 3 is missing", "NIC 0 at 50 Gb/s, not 200 Gb/s".
std::string fault_words(const HostFault& fault);
/// "3 x 200 Gb/s, 1 x 50 Gb/s, 1 free".
std::string port_words(const LeafFacts& leaf);
/// "ranks 0-7", "rank 5".
std::string rank_words(std::int64_t first, std::int64_t count);
/// "each leaf has 1/2 of what its NICs carry".
std::string spine_words(const Fabric& fabric);
/// "32 ranks on 4 hosts, 8 leaves, spine 2:1".
std::string cluster_summary(const ClusterFacts& facts, const Cluster& cluster);

}  // namespace stretto::topology
