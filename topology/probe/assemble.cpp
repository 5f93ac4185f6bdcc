#include "topology/probe/assemble.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace stretto::topology {
namespace {

class Assembler {
 public:
  Assembler(Draft& draft, const ProbeOptions& options) : draft_(draft), all_bridges_(options.all_bridges) {}

  Machine run() {
    choose();
    place();
    const std::vector<std::int32_t> ids = numa_ids();
    for (const std::int32_t id : ids) add_numa(id, id == ids.front());
    add_links();
    return {draft_.host, std::move(nodes_), std::move(links_)};
  }

 private:
  /// GPUs, switches, NICs, and what bridges are above them.
  void choose() {
    std::set<std::string> with_nets;
    for (const DraftNet& net : draft_.nets) with_nets.insert(net.bus_id);
    for (const auto& [bus_id, function] : draft_.functions) {
      if (function.kind == FunctionKind::bridge) {
        if (all_bridges_) kept_.insert(bus_id);
        continue;
      }
      // Of a card's virtual functions those count that this system uses itself: the others are for its guests.
      if (function.is_virtual && (function.kind != FunctionKind::nic || with_nets.count(bus_id) == 0)) continue;
      kept_.insert(bus_id);
      for (std::string above = function.parent; !above.empty(); above = draft_.functions.at(above).parent) {
        if (is_worth_a_node(draft_.functions.at(above))) kept_.insert(above);
      }
    }
  }

  /// On the way up from a card come, in turn, a port of a switch that leads down, the one that leads up, the next
  /// switch's or the root port. A switch is one node: its port up.
  bool is_worth_a_node(const DraftFunction& function) const {
    return all_bridges_ || function.kind != FunctionKind::bridge || function.depth % 2 == 1;
  }

  std::string kept_parent(const DraftFunction& function) const {
    std::string above = function.parent;
    while (!above.empty() && kept_.count(above) == 0) above = draft_.functions.at(above).parent;
    return above;
  }

  /// Sorts what is kept below its parents; what has none, below NUMA nodes.
  void place() {
    std::vector<std::string> tops;
    for (const std::string& bus_id : kept_) {
      const std::string above = kept_parent(draft_.functions.at(bus_id));
      if (above.empty()) {
        tops.push_back(bus_id);
      } else {
        below_[above].push_back(bus_id);
      }
    }
    std::string lost;
    for (const std::string& bus_id : tops) {
      auto numa = numa_of(bus_id);
      if (!numa) numa = numa_below(bus_id);
      if (!numa) numa = lone_numa();
      if (!numa) lost += (lost.empty() ? "" : ", ") + bus_id;
      tops_[numa.value_or(Draft::kUnnumbered)].push_back(bus_id);
    }
    if (lost.empty()) return;
    draft_.remark(RemarkKind::unreadable, lost, ": near which NUMA node is not said, so under one without number");
  }

  /// The only one with processors, if there is one alone.
  std::optional<std::int32_t> lone_numa() const {
    std::optional<std::int32_t> found;
    for (const auto& [id, node] : draft_.numa) {
      if (node.processors.empty()) continue;
      if (found) return std::nullopt;
      found = id;
    }
    return found;
  }

  /// What it says itself, or the nearest above that says something.
  std::optional<std::int32_t> numa_of(const std::string& bus_id) const {
    for (std::string at = bus_id; !at.empty(); at = draft_.functions.at(at).parent) {
      const auto numa = draft_.functions.at(at).numa;
      if (numa && draft_.numa.count(*numa) != 0) return numa;
    }
    return std::nullopt;
  }

  std::optional<std::int32_t> numa_below(const std::string& bus_id) const {
    const auto found = below_.find(bus_id);
    if (found == below_.end()) return std::nullopt;
    for (const std::string& child : found->second) {
      const auto numa = draft_.functions.at(child).numa;
      if (numa && draft_.numa.count(*numa) != 0) return numa;
      if (const auto deeper = numa_below(child)) return deeper;
    }
    return std::nullopt;
  }

  /// Those with processors or cards. The one without number, where cards have no known place, comes last.
  std::vector<std::int32_t> numa_ids() const {
    std::vector<std::int32_t> ids;
    for (const auto& [id, node] : draft_.numa) {
      if (!node.processors.empty() || tops_.count(id) != 0) ids.push_back(id);
    }
    if (tops_.count(Draft::kUnnumbered) != 0 && draft_.numa.count(Draft::kUnnumbered) == 0) {
      ids.push_back(Draft::kUnnumbered);
    }
    if (ids.empty()) ids.push_back(Draft::kUnnumbered);  // nothing is known, not even of processors
    return ids;
  }

  NodeId add(NodeId parent, NodeFacts facts) {
    nodes_.push_back({parent, std::move(facts)});
    return static_cast<NodeId>(nodes_.size() - 1);
  }

  void add_numa(std::int32_t id, bool is_first) {
    const auto found = draft_.numa.find(id);
    NumaNode numa = found == draft_.numa.end() ? NumaNode{} : found->second;
    const auto beyond = std::lower_bound(numa.processors.begin(), numa.processors.end(), kMostProcessors);
    numa.processors.erase(beyond, numa.processors.end());
    const NodeId node = add(kNoNode, std::move(numa));
    for (const std::string& bus_id : tops_[id]) {
      add_function(draft_.functions.at(bus_id), node);
    }
    if (!is_first) return;
    // Interfaces without a card on PCI, as NCCL's files have them.
    const bool has_any =
        std::any_of(draft_.nets.begin(), draft_.nets.end(), [](const DraftNet& net) { return net.bus_id.empty(); });
    if (has_any) add_nets("", add(node, NicNode{}));
  }

  /// Depth is that of the PCI tree, which 256 buses of a domain bound.
  void add_function(const DraftFunction& function, NodeId parent) {
    const std::string& bus_id = function.pci.bus_id;
    const NodeId node = add(parent, facts_of(function));
    node_of_[bus_id] = node;
    if (function.kind == FunctionKind::nic) add_nets(bus_id, node);
    for (const std::string& child : below_[bus_id]) add_function(draft_.functions.at(child), node);
  }

  static NodeFacts facts_of(const DraftFunction& function) {
    switch (function.kind) {
      case FunctionKind::gpu: {
        GpuNode gpu;
        gpu.pci = function.pci;
        gpu.ordinal = function.ordinal;
        gpu.compute_capability = function.compute_capability;
        gpu.uuid = function.uuid;
        return gpu;
      }
      case FunctionKind::nic:
        return NicNode{function.pci};
      case FunctionKind::nv_switch:
        return SwitchNode{function.pci};
      case FunctionKind::bridge:
        break;
    }
    return PciBridge{function.pci};
  }

  void add_nets(const std::string& bus_id, NodeId nic) {
    for (const DraftNet& net : draft_.nets) {
      if (net.bus_id == bus_id) add(nic, net.net);
    }
  }

  NodeId node_with(const std::string& bus_id) const {
    const auto found = node_of_.find(bus_id);
    return found == node_of_.end() ? kNoNode : found->second;
  }

  NodeId end_of(const DraftEnd& end, NodeId gpu) {
    switch (end.kind) {
      case DraftEnd::Kind::switches:
        if (far_switch_ == kNoNode) far_switch_ = add(kNoNode, SwitchNode{});
        return far_switch_;
      case DraftEnd::Kind::processor:
        while (parent_of(gpu) != kNoNode) gpu = parent_of(gpu);
        return gpu;
      case DraftEnd::Kind::function:
        break;
    }
    return node_with(end.bus_id);
  }

  NodeId parent_of(NodeId id) const { return nodes_[static_cast<std::size_t>(id)].parent; }

  bool is_gpu(NodeId id) const { return std::holds_alternative<GpuNode>(nodes_[static_cast<std::size_t>(id)].facts); }

  /// In the order of their GPUs.
  void add_links() {
    for (const auto& [link, count] : draft_.links) {
      Link made;
      made.from = node_with(link.gpu);
      if (made.from == kNoNode) continue;
      made.to = end_of(link.to, made.from);
      if (made.to == kNoNode || made.to == made.from) continue;
      made.kind = link.kind, made.count = count, made.gigabytes_per_s_of_each = link.gigabytes_per_s;
      made.target_class = link.target_class;
      links_.push_back(made);
      if (is_gpu(made.to)) continue;
      std::swap(made.from, made.to);
      made.target_class.clear();
      links_.push_back(std::move(made));
    }
    std::stable_sort(links_.begin(), links_.end(), [this](const Link& a, const Link& b) {
      return (is_gpu(a.from) ? a.from : a.to) < (is_gpu(b.from) ? b.from : b.to);
    });
  }

  Draft& draft_;
  bool all_bridges_;
  std::set<std::string> kept_;                             ///< bus ids
  std::map<std::string, std::vector<std::string>> below_;  ///< what is kept below what
  std::map<std::int32_t, std::vector<std::string>> tops_;  ///< what is directly below a NUMA node
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::map<std::string, NodeId> node_of_;
  NodeId far_switch_ = kNoNode;
};

}  // namespace

Machine assemble(Draft& draft, const ProbeOptions& options) { return Assembler(draft, options).run(); }

}  // namespace stretto::topology
