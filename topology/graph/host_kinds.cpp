#include "topology/graph/host_kinds.hpp"

#include <array>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace stretto::topology {
namespace {

/// The PCI trees of these machines are regular: sockets, each with as many bridges, each with as many GPUs and NICs.
struct Tree {
  int sockets = 2;
  int bridges = 1;           ///< of a socket
  int gpus = 1;              ///< of a bridge
  int nics = 1;              ///< of a bridge
  double gigatransfers = 8;  ///< of every x16 link
  int compute_capability = 0;
  std::int64_t nic_megabits_per_s = 0;
};

class Builder {
 public:
  explicit Builder(const Tree& tree) : tree_(tree) {
    for (int socket = 0; socket < tree.sockets; ++socket) add_socket(socket);
  }

  /// NVSwitches, each joined to each GPU by so many links.
  void add_switches(const std::vector<int>& links_of_each) {
    for (const int links : links_of_each) {
      const NodeId id = add(kNoNode, SwitchNode{function(0x068000, 0)});
      for (const NodeId gpu : gpus_) join(gpu, id, links);
    }
  }

  void join_gpus(std::size_t a, std::size_t b, int links) { join(gpus_[a], gpus_[b], links); }
  Machine machine() && { return Machine("", std::move(nodes_), std::move(links_)); }

 private:
  NodeId add(NodeId parent, NodeFacts facts) {
    nodes_.push_back({parent, std::move(facts)});
    return static_cast<NodeId>(nodes_.size()) - 1;
  }

  void join(NodeId a, NodeId b, int links) {
    links_.push_back({a, b, LinkKind::nvlink, links});
    links_.push_back({b, a, LinkKind::nvlink, links});
  }

  /// Bus ids are made up: bridges, GPUs and NICs have a bus each.
  PciFunction function(std::uint32_t device_class, int lanes) {
    PciFunction pci;
    pci.bus_id = format("0000:{:02x}:00.0", ++buses_);
    pci.device_class = device_class;
    if (lanes > 0) pci.gigatransfers_per_s = tree_.gigatransfers, pci.lanes = lanes;
    return pci;
  }

  void add_socket(int socket) {
    NumaNode numa;
    numa.numa_id = socket;
    numa.package = socket;
    numa.architecture = "x86_64";
    const NodeId root = add(kNoNode, numa);
    for (int i = 0; i < tree_.bridges; ++i) {
      const NodeId bridge = add(root, PciBridge{function(0x060400, 16)});
      for (int gpu = 0; gpu < tree_.gpus; ++gpu) {
        GpuNode node;
        node.pci = function(0x030200, 16);
        node.ordinal = static_cast<std::int32_t>(gpus_.size());
        if (tree_.compute_capability > 0) node.compute_capability = tree_.compute_capability;
        gpus_.push_back(add(bridge, node));
      }
      for (int nic = 0; nic < tree_.nics; ++nic) add_nic(bridge);
    }
  }

  void add_nic(NodeId bridge) {
    const NodeId nic = add(bridge, NicNode{function(0x020000, 16)});
    NetNode net;
    net.name = format("nic{}", nics_++);
    net.megabits_per_s = tree_.nic_megabits_per_s;
    add(nic, net);
  }

  Tree tree_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<NodeId> gpus_;
  int buses_ = 0;
  int nics_ = 0;
};

/// NVIDIA DGX H100 data sheet and user guide: eight H100, 18 NVLinks each to four NVSwitches (5, 4, 4 and 5), two Xeon
/// Platinum 8480C, for the compute network eight ConnectX-7 of one 400 Gb/s port, PCIe 5. A GPU and a NIC share a PCI
/// switch (the user guide's mapping of NICs to GPUs).
Machine dgx_h100() {
  Builder builder({.bridges = 4, .gigatransfers = 32, .compute_capability = 90, .nic_megabits_per_s = 400'000});
  builder.add_switches({5, 4, 4, 5});
  return std::move(builder).machine();
}

/// NVIDIA DGX B200 data sheet: eight B200 with 18 NVLinks of the fifth generation, two NVSwitches, eight ConnectX-7 of
/// 400 Gb/s for the compute network, PCIe 5.
Machine dgx_b200() {
  Builder builder({.bridges = 4, .gigatransfers = 32, .compute_capability = 100, .nic_megabits_per_s = 400'000});
  builder.add_switches({9, 9});
  return std::move(builder).machine();
}

/// NVIDIA DGX A100 data sheet and white paper: eight A100, 12 NVLinks each to six NVSwitches, two EPYC 7742, eight
/// ConnectX-6 of 200 Gb/s for the compute network, PCIe 4, four PCI switches with two GPUs and two NICs each. Each
/// socket shows as one NUMA node here; the machine is shipped with four.
Machine dgx_a100() {
  Builder builder({.bridges = 2,
                   .gpus = 2,
                   .nics = 2,
                   .gigatransfers = 16,
                   .compute_capability = 80,
                   .nic_megabits_per_s = 200'000});
  builder.add_switches({2, 2, 2, 2, 2, 2});
  return std::move(builder).machine();
}

/// NVIDIA DGX-1 with V100: six NVLinks each in a hybrid cube mesh, four PCI switches with two GPUs and a 100 Gb/s
/// InfiniBand card each (system architecture white paper). How many links join which GPUs is as `nvidia-smi topo -m`
/// shows it there (gist.github.com/ashwin/e139748bdba15f5af63f0146d01ee4c3).
Machine dgx_1() {
  Builder builder({.bridges = 2, .gpus = 2, .compute_capability = 70, .nic_megabits_per_s = 100'000});
  for (const std::size_t quad : {0U, 4U}) {
    builder.join_gpus(quad, quad + 1, 1), builder.join_gpus(quad, quad + 2, 1), builder.join_gpus(quad, quad + 3, 2);
    builder.join_gpus(quad + 1, quad + 2, 2), builder.join_gpus(quad + 1, quad + 3, 1);
    builder.join_gpus(quad + 2, quad + 3, 2);
  }
  builder.join_gpus(0, 4, 2), builder.join_gpus(1, 5, 2), builder.join_gpus(2, 6, 1), builder.join_gpus(3, 7, 1);
  return std::move(builder).machine();
}

/// No product: eight GPUs without links beside PCIe 4, two below each PCI switch, and a NIC of 100 Gb/s below each.
Machine pcie_box() {
  return Builder({.bridges = 2, .gpus = 2, .gigatransfers = 16, .nic_megabits_per_s = 100'000}).machine();
}

/// No product: one GPU and one NIC of 100 Gb/s behind one bridge, PCIe 4.
Machine one_gpu() { return Builder({.sockets = 1, .gigatransfers = 16, .nic_megabits_per_s = 100'000}).machine(); }

/// No product: two sockets without GPUs, each a rank, and a NIC of 100 Gb/s at each, PCIe 4.
Machine cpu() { return Builder({.gpus = 0, .gigatransfers = 16, .nic_megabits_per_s = 100'000}).machine(); }

constexpr std::array kRows = {
    HostKindRow{"dgx-h100", "8 H100 by NVSwitches, 8 NICs of 400 Gb/s (also for the H200)", dgx_h100},
    HostKindRow{"dgx-b200", "8 B200 by NVSwitches, 8 NICs of 400 Gb/s", dgx_b200},
    HostKindRow{"dgx-a100", "8 A100 by NVSwitches, 8 NICs of 200 Gb/s", dgx_a100},
    HostKindRow{"dgx-1", "8 V100 in a hybrid cube mesh, 4 NICs of 100 Gb/s", dgx_1},
    HostKindRow{"pcie-box", "no product: 8 GPUs by PCIe 4, 4 NICs of 100 Gb/s", pcie_box},
    HostKindRow{"gpu", "no product: 1 GPU, 1 NIC of 100 Gb/s", one_gpu},
    HostKindRow{"cpu", "no product: 2 sockets, each a rank, 2 NICs of 100 Gb/s", cpu},
};

}  // namespace

std::span<const HostKindRow> host_kinds() noexcept { return kRows; }

const HostKindRow* find_host_kind(std::string_view name) noexcept {
  for (const HostKindRow& row : kRows) {
    if (row.name == name) return &row;
  }
  return nullptr;
}

}  // namespace stretto::topology
