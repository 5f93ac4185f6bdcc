#include "topology/random_machine.hpp"

#include <map>
#include <random>
#include <set>

#include "base/text.hpp"

namespace stretto::topology {
namespace {

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Machine make() {
    const std::string host = chance(2) ? text() : "";
    const int n_numas = below(4) + (host.empty() ? 0 : 1);  // a file has no other place for the host
    for (int i = 0; i < n_numas; ++i) add_numa();
    add_links();
    return {host, std::move(nodes_), std::move(links_)};
  }

 private:
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int one_in) { return below(one_in) == 0; }

  template <class T>
  std::optional<T> maybe(T value) {
    if (chance(3)) return std::nullopt;
    return value;
  }

  /// Also what XML has to escape.
  std::string text() {
    static constexpr const char* kPieces[] = {"a",  "B", "7", "_",  " ",  "<",       "&",
                                              "\"", "'", ">", "\n", "\t", "\xC3\xA9"};
    std::string text(1, 'x');
    while (!chance(5)) text += kPieces[below(std::size(kPieces))];
    return text;
  }

  std::string bus_id() {
    for (;;) {
      const std::string id =
          format("{:04x}:{:02x}:{:02x}.{:x}", chance(4) ? below(1 << 20) : below(3), below(256), below(32), below(8));
      if (bus_ids_.insert(id).second) return id;
    }
  }

  PciFunction function(std::uint32_t usual_class) {
    PciFunction pci;
    pci.bus_id = bus_id();
    pci.device_class = usual_class;
    pci.vendor = maybe(static_cast<std::uint16_t>(below(65536)));
    pci.device = maybe(static_cast<std::uint16_t>(below(65536)));
    pci.subsystem_vendor = maybe(static_cast<std::uint16_t>(below(65536)));
    pci.subsystem_device = maybe(static_cast<std::uint16_t>(below(65536)));
    static constexpr double kRates[] = {2.5, 5, 8, 16, 32, 64, 1.0 / 3};
    pci.gigatransfers_per_s = maybe(kRates[below(std::size(kRates))]);
    pci.lanes = maybe(1 << below(6));
    return pci;
  }

  NodeId add(NodeId parent, NodeFacts facts) {
    nodes_.push_back({parent, std::move(facts)});
    return static_cast<NodeId>(nodes_.size()) - 1;
  }

  void add_numa() {
    NumaNode numa;
    if (const int id = below(1000); numa_ids_.insert(id).second) numa.numa_id = id;
    const int step = 1 + below(70);
    for (int processor = below(64); processor < kMostProcessors && !chance(12); processor += step) {
      numa.processors.push_back(processor);
    }
    if (chance(2)) numa.architecture = text();
    if (chance(2)) numa.vendor = text();
    numa.family = maybe(below(1000));
    numa.model = maybe(below(1000));
    numa.package = maybe(below(8));
    const NodeId here = add(kNoNode, std::move(numa));
    for (int i = below(5); i > 0; --i) chance(5) ? add_nets(add(here, NicNode{})) : add_function(here, 0);
  }

  void add_function(NodeId parent, int depth) {
    NodeId here = kNoNode;
    switch (below(4)) {
      case 0:
        here = add(parent, gpu());
        break;
      case 1:
        here = add(parent, NicNode{function(chance(2) ? 0x020700 : 0x010802)});
        add_nets(here);
        break;
      case 2:
        here = add(parent, PciBridge{function(chance(4) ? 0 : 0x060400)});
        break;
      default:
        here = chance(3) ? add(parent, SwitchNode{function(0x068000)}) : add(parent, PciBridge{function(0x060400)});
        break;
    }
    const int most = std::holds_alternative<PciBridge>(nodes_.back().facts) ? 4 : 2;
    if (depth < 6) {
      for (int i = below(most); i > 0; --i) add_function(here, depth + 1);
    }
  }

  GpuNode gpu() {
    GpuNode gpu;
    gpu.pci = function(chance(4) ? 0x120000 : 0x030200);
    gpu.ordinal = maybe(below(100));
    gpu.compute_capability = maybe(below(121));
    gpu.rank = maybe(below(100000));
    gpu.direct_rdma = maybe(chance(2));
    if (chance(3)) gpu.gcn = text();
    gpu.gcn_code = maybe(below(100000));
    if (chance(3)) gpu.uuid = text();
    return gpu;
  }

  void add_nets(NodeId nic) {
    for (int i = below(3); i > 0; --i) {
      NetNode net;
      if (!chance(4)) net.name = text();
      net.ordinal = maybe(below(100));
      net.megabits_per_s = maybe(std::int64_t{below(1 << 20)});
      net.latency_us = maybe(below(100) / 7.0);
      net.port = maybe(below(3));
      net.guid = maybe(static_cast<std::uint64_t>(random_()));
      net.max_connections = maybe(below(1 << 20));
      net.direct_rdma = maybe(chance(2));
      net.collectives = maybe(chance(2));
      if (chance(3)) net.link_layer = text();
      if (chance(3)) net.rdma_device = text();
      add(nic, std::move(net));
    }
  }

  NodeId root_of(NodeId id) const {
    while (nodes_[static_cast<std::size_t>(id)].parent != kNoNode) id = nodes_[static_cast<std::size_t>(id)].parent;
    return id;
  }

  void both_ways(Link link) {
    links_.push_back(link);
    std::swap(link.from, link.to);
    link.target_class.clear();
    links_.push_back(std::move(link));
  }

  void add_links() {
    const auto n_in_tree = static_cast<NodeId>(nodes_.size());
    std::vector<NodeId> gpus;
    std::vector<NodeId> switches;
    for (NodeId id = 0; id < n_in_tree; ++id) {
      const NodeFacts& facts = nodes_[static_cast<std::size_t>(id)].facts;
      if (std::holds_alternative<GpuNode>(facts)) gpus.push_back(id);
      if (std::holds_alternative<SwitchNode>(facts)) switches.push_back(id);
    }
    for (const NodeId gpu : gpus) {
      for (int i = below(5); i > 0; --i) {
        Link link{gpu, kNoNode, LinkKind::nvlink, 1 + below(20), maybe((1 + below(100000)) / 1000.0), "0x068000"};
        const int which = below(6);
        if (which == 0) {  // a switch that is only known by this, or the hidden one
          PciFunction pci;
          pci.device_class = 0x068000;
          if (!hidden_ && chance(3)) {
            hidden_ = true;
          } else {
            pci.bus_id = bus_id();
          }
          link.to = add(kNoNode, SwitchNode{pci});
          switches.push_back(link.to);
          both_ways(link);
        } else if (which == 1 && !switches.empty()) {
          link.to = switches[static_cast<std::size_t>(below(static_cast<int>(switches.size())))];
          both_ways(link);
        } else if (which == 2) {
          link.kind = LinkKind::c2c;
          link.target_class.clear();
          link.to = root_of(gpu);
          both_ways(link);
        } else if (which == 3) {  // of POWER
          link.to = root_of(gpu);
          link.target_class = "0x068001";
          both_ways(link);
        } else if (const NodeId to = gpus[static_cast<std::size_t>(below(static_cast<int>(gpus.size())))]; to != gpu) {
          link.to = to;
          link.kind = chance(2) ? LinkKind::xgmi : LinkKind::nvlink;
          link.target_class = "0x030200";
          links_.push_back(link);
        }
      }
    }
  }

  std::mt19937_64 random_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::set<std::string> bus_ids_;
  std::set<std::int32_t> numa_ids_;
  bool hidden_ = false;
};

}  // namespace

Machine random_machine(std::uint64_t seed) { return Generator(seed).make(); }

}  // namespace stretto::topology
