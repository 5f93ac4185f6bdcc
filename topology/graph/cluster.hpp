// Many hosts and the network between them: what a line of topology/files/cluster_line.hpp says, resolved. Pure; what
// messages see of it is cluster_network.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

inline constexpr std::int32_t kMostHosts = 65'536;
inline constexpr std::int64_t kMostMegabits = 100'000'000;  ///< per second, of a NIC
inline constexpr std::int32_t kMostOfRatio = 1000;          ///< of either side of Fabric::down and Fabric::up

/// How NICs are joined. A leaf is a switch that NICs are plugged into; where there are several, all are joined by the
/// spine, which itself never holds anything up.
struct Fabric {
  bool rails = false;               ///< NIC i of a host is at leaf i of its group, else all its NICs are at one leaf
  std::int32_t hosts_per_leaf = 0;  ///< hosts in a row that share leaves; 0: all
  /// Of a leaf, what its NICs carry together to what it has to the spine: 2 to 1 is half as much.
  std::int32_t down = 1;
  std::int32_t up = 1;

  bool operator==(const Fabric&) const = default;
};

/// A cluster as it is said. Columns count from 1; they are for messages, and two that differ in them alone are equal.
struct ClusterSpec {
  struct Hosts {
    std::int32_t count = 1;
    std::string kind;  ///< a name of host_kinds.hpp, or a file
    std::size_t column = 0;

    bool operator==(const Hosts& other) const { return count == other.count && kind == other.kind; }
  };
  enum class Fault : std::uint8_t { no_gpu, no_nic, no_link, slow_nic };
  struct Change {
    std::int32_t host = 0;
    Fault fault = Fault::no_gpu;
    std::int32_t first = 0;   ///< the GPU, or the NIC
    std::int32_t second = 0;  ///< the other GPU, of no_link
    std::int64_t megabits_per_s = 0;
    std::size_t column = 0;

    bool operator==(const Change& other) const {
      return host == other.host && fault == other.fault && first == other.first && second == other.second &&
             megabits_per_s == other.megabits_per_s;
    }
  };

  std::vector<Hosts> hosts;
  std::vector<Change> changes;
  Fabric fabric;
  std::optional<std::int64_t> nic_megabits_per_s;  ///< of all NICs, whatever their hosts say
  std::size_t spine_column = 0;                    ///< 0: no word of it

  bool operator==(const ClusterSpec& other) const {
    return hosts == other.hosts && changes == other.changes && fabric == other.fabric &&
           nic_megabits_per_s == other.nic_megabits_per_s;
  }
};

/// A machine, and what of it is there and in use. GPUs and NICs keep their numbers where one is missing.
struct HostVariant {
  Machine machine;
  std::vector<bool> gpus;                         ///< of machine.gpus()
  std::vector<std::int64_t> port_megabits_per_s;  ///< of ports_of(machine); 0: not there
  std::vector<std::int64_t> made_megabits_per_s;  ///< of the same, before anything went wrong: what leaves are made for

  bool operator==(const HostVariant&) const = default;
};

struct Cluster {
  std::vector<HostVariant> variants;
  std::vector<std::int32_t> variant_of;  ///< by host
  Fabric fabric;

  std::int32_t n_hosts() const { return static_cast<std::int32_t>(variant_of.size()); }
  const HostVariant& host(std::int32_t number) const {
    return variants[static_cast<std::size_t>(variant_of[static_cast<std::size_t>(number)])];
  }
  /// Of all hosts.
  std::int64_t n_ranks() const;
};

/// Where a host is joined to others: its networks, and each NIC of which no network is known. In the order of nodes().
std::vector<NodeId> ports_of(const Machine& machine);
/// GPUs, or of a host without any its NUMA nodes.
std::int32_t ranks_of(const HostVariant& host);

/// The machine without the GPUs and NICs that are not there, and with the speeds that ports have. Throws as Machine's
/// constructor.
Machine present_machine(const HostVariant& host);

/// @param machine_of what a kind of hosts is; throws Error for what is none
/// Throws Error(strettoInvalidArgument), whose field is the column, if there is no such host, GPU, NIC or link, or a
/// NIC has no known speed.
Cluster make_cluster(const ClusterSpec& spec, const std::function<Machine(const std::string& kind)>& machine_of);

/// Error(strettoInvalidArgument): "cluster, column 7: ...", with the field "column 7".
[[noreturn]] void refuse_cluster(std::size_t column, const std::string& text);

}  // namespace stretto::topology
