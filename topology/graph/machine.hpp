// One host as a graph: processors' NUMA nodes, the PCI tree with GPUs and NICs in it, networks, and the links between
// GPUs. What a file (topology/files) or a probe (topology/probe) says of a machine becomes this; planner and simulator
// see nothing else. Immutable and pure: no I/O here, and nothing of how a machine was learnt.
//
// Nodes are in the order of their tree, parents before children. Whatever is not known is absent, and is not guessed
// here: what bandwidth a link has if nobody says is for link_speed.hpp, with its sources.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace stretto::topology {

/// Index into Machine::nodes().
using NodeId = std::int32_t;
inline constexpr NodeId kNoNode = -1;

/// Numbers of hardware threads end below this: as many as Linux can be built for.
inline constexpr std::int32_t kMostProcessors = 8192;

/// A NUMA node with its processors: the root of a PCI tree. The children of the machine itself.
struct NumaNode {
  std::optional<std::int32_t> numa_id;   ///< the system's number
  std::vector<std::int32_t> processors;  ///< the system's numbers of its hardware threads, ascending
  std::string architecture;              ///< "x86_64", "arm64", "ppc64"; "": unknown
  std::string vendor;                    ///< "GenuineIntel", "AuthenticAMD", ...; "": unknown
  std::optional<std::int32_t> family;
  std::optional<std::int32_t> model;
  std::optional<std::int32_t> package;  ///< the socket that it belongs to

  bool operator==(const NumaNode&) const = default;
};

/// What is known of a function on the PCI bus, whatever it is.
struct PciFunction {
  std::string bus_id;              ///< domain:bus:device.function in lower case: 0000:3b:00.0. One of a machine.
  std::uint32_t device_class = 0;  /// 24 bits: 0x060400 a bridge, 0x0302.. a GPU; 0: unknown
  std::optional<std::uint16_t> vendor;
  std::optional<std::uint16_t> device;
  std::optional<std::uint16_t> subsystem_vendor;
  std::optional<std::uint16_t> subsystem_device;
  std::optional<double> gigatransfers_per_s;  ///< of a lane, to the parent: 2.5, 5, 8, 16, 32, 64
  std::optional<std::int32_t> lanes;          ///< to the parent

  bool operator==(const PciFunction&) const = default;
};

/// A bridge, a switch, or anything else with children but no part of its own.
struct PciBridge {
  PciFunction pci;

  bool operator==(const PciBridge&) const = default;
};

struct GpuNode {
  PciFunction pci;
  std::optional<std::int32_t> ordinal;             ///< CUDA's, or NVML's
  std::optional<std::int32_t> compute_capability;  ///< 90 is 9.0
  std::optional<std::int32_t> rank;                ///< that drives it
  std::optional<bool> direct_rdma;                 ///< a NIC may read and write its memory
  std::string gcn;                                 ///< AMD's architecture; "": not AMD's
  std::optional<std::int32_t> gcn_code;            ///< AMD's number of it
  std::string uuid;                                ///< "GPU-..."; "": unknown

  bool operator==(const GpuNode&) const = default;
};

/// The card; its networks are its children. On some machines it hangs on no bus that shows (PciFunction::bus_id "").
struct NicNode {
  PciFunction pci;

  bool operator==(const NicNode&) const = default;
};

/// An address of an RDMA device's port, by which peers reach it.
struct Gid {
  std::int32_t index = 0;  ///< in the port's table, as programs give it
  std::string address;     ///< "10.0.0.1", "fe80::1"
  std::string type;        ///< "RoCE v2", "IB/RoCE v1"; "": the port's own kind

  bool operator==(const Gid&) const = default;
};

/// A port with a name that programs open: an RDMA device or an interface of the system's.
struct NetNode {
  std::string name;                     ///< "mlx5_0", "eth0"
  std::optional<std::int32_t> ordinal;  ///< where a file numbers them
  std::optional<std::int64_t> megabits_per_s;
  std::optional<double> latency_us;
  std::optional<std::int32_t> port;
  std::optional<std::uint64_t> guid;
  std::optional<std::int32_t> max_connections;
  std::optional<bool> direct_rdma;  ///< it may read and write memory of GPUs, one way or another
  std::optional<bool> dma_buffers;  ///< it can register DMA buffers, the form in which drivers export memory of GPUs
  std::optional<bool> collectives;  ///< the switch can reduce
  std::string link_layer;           ///< of an RDMA device's port: "InfiniBand", "Ethernet" (RoCE); "": none, unknown
  std::vector<Gid> gids;            ///< of an RDMA device's port: the one to use first, and others
  std::string rdma_device;          ///< of an interface: the RDMA device that has the same wire; "": none, unknown

  bool operator==(const NetNode&) const = default;
};

/// Joins all GPUs that have links to it: NVSwitch. It has no parent where it is known only by those links, and no bus
/// id either where a virtual machine hides it: then one stands for all of them.
struct SwitchNode {
  PciFunction pci;

  bool operator==(const SwitchNode&) const = default;
};

using NodeFacts = std::variant<NumaNode, PciBridge, GpuNode, NicNode, NetNode, SwitchNode>;

struct Node {
  NodeId parent = kNoNode;  ///< kNoNode: the machine itself
  NodeFacts facts;

  bool operator==(const Node&) const = default;
};

enum class LinkKind : std::uint8_t { nvlink, xgmi, c2c };

/// Beside the tree, one direction: a link that works both ways is two of these, since on a degraded machine they may
/// differ. Between GPUs, from a GPU to a switch and back, or between a GPU and a NUMA node (c2c).
struct Link {
  NodeId from = kNoNode;
  NodeId to = kNoNode;
  LinkKind kind = LinkKind::nvlink;
  std::int32_t count = 1;                              ///< links side by side
  std::optional<double> gigabytes_per_s_of_each = {};  ///< 1e9 bytes; absent: as usual for its kind and its GPUs
  std::string target_class = {};                       ///< what the source says that `to` is: "0x068000"

  bool operator==(const Link&) const = default;
};

class Machine {
 public:
  /// Checks what can be checked without knowing where it comes from: parents come before their children and may have
  /// them (a net has none), bus ids are well-formed, those of GPUs and NVSwitches there once, as are the numbers of
  /// NUMA nodes; links join two nodes that are there. Throws Error(strettoInvalidArgument) naming the node.
  Machine(std::string host, std::vector<Node> nodes, std::vector<Link> links);

  /// The host's name, or hash, as the source has it; "": unknown.
  const std::string& host() const { return host_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const std::vector<Link>& links() const { return links_; }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }
  const std::vector<NodeId>& children(NodeId id) const { return children_[static_cast<std::size_t>(id)]; }
  /// Those that are children of the machine itself.
  const std::vector<NodeId>& roots() const { return roots_; }

  std::vector<NodeId> gpus() const;  ///< in the order of nodes()
  std::vector<NodeId> nets() const;
  /// The NUMA node above it, or kNoNode.
  NodeId numa_of(NodeId id) const;
  /// kNoNode: none has it.
  NodeId with_bus_id(std::string_view bus_id) const;

  bool operator==(const Machine&) const = default;

 private:
  std::string host_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<std::vector<NodeId>> children_;
  std::vector<NodeId> roots_;
};

/// The PCI function of a node that has one; nullptr otherwise.
const PciFunction* pci_of(const Node& node) noexcept;
const PciFunction* pci_of(const NodeFacts& facts) noexcept;

/// In lower case with a domain of four digits or more: "3B:00.0" is 0000:3b:00.0. "": that is no bus id.
std::string canonical_bus_id(std::string_view text);

/// "GPU 0 (0000:3b:00.0)", "NUMA node 1", "mlx5_0": how a person calls it.
std::string name_of(const Node& node);

}  // namespace stretto::topology
