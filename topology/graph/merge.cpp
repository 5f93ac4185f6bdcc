#include "topology/graph/merge.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace stretto::topology {
namespace {

template <class T>
void fill(std::optional<T>& mine, const std::optional<T>& theirs) {
  if (!mine) mine = theirs;
}

void fill(std::string& mine, const std::string& theirs) {
  if (mine.empty()) mine = theirs;
}

void fill(PciFunction& mine, const PciFunction& theirs) {
  fill(mine.bus_id, theirs.bus_id);
  if (mine.device_class == 0) mine.device_class = theirs.device_class;
  fill(mine.vendor, theirs.vendor);
  fill(mine.device, theirs.device);
  fill(mine.subsystem_vendor, theirs.subsystem_vendor);
  fill(mine.subsystem_device, theirs.subsystem_device);
  fill(mine.gigatransfers_per_s, theirs.gigatransfers_per_s);
  fill(mine.lanes, theirs.lanes);
}

void fill(NumaNode& mine, const NumaNode& theirs) {
  fill(mine.numa_id, theirs.numa_id);
  if (mine.processors.empty()) mine.processors = theirs.processors;
  fill(mine.architecture, theirs.architecture);
  fill(mine.vendor, theirs.vendor);
  fill(mine.family, theirs.family);
  fill(mine.model, theirs.model);
  fill(mine.package, theirs.package);
}

void fill(GpuNode& mine, const GpuNode& theirs) {
  fill(mine.pci, theirs.pci);
  fill(mine.ordinal, theirs.ordinal);
  fill(mine.compute_capability, theirs.compute_capability);
  fill(mine.rank, theirs.rank);
  fill(mine.direct_rdma, theirs.direct_rdma);
  fill(mine.gcn, theirs.gcn);
  fill(mine.gcn_code, theirs.gcn_code);
  fill(mine.uuid, theirs.uuid);
}

void fill(NetNode& mine, const NetNode& theirs) {
  fill(mine.name, theirs.name);
  fill(mine.ordinal, theirs.ordinal);
  fill(mine.megabits_per_s, theirs.megabits_per_s);
  fill(mine.latency_us, theirs.latency_us);
  fill(mine.port, theirs.port);
  fill(mine.guid, theirs.guid);
  fill(mine.max_connections, theirs.max_connections);
  fill(mine.direct_rdma, theirs.direct_rdma);
  fill(mine.dma_buffers, theirs.dma_buffers);
  if (mine.gids.empty()) mine.gids = theirs.gids;
  fill(mine.collectives, theirs.collectives);
  fill(mine.link_layer, theirs.link_layer);
  fill(mine.rdma_device, theirs.rdma_device);
}

void fill(PciBridge& mine, const PciBridge& theirs) { fill(mine.pci, theirs.pci); }
void fill(NicNode& mine, const NicNode& theirs) { fill(mine.pci, theirs.pci); }
void fill(SwitchNode& mine, const SwitchNode& theirs) { fill(mine.pci, theirs.pci); }

/// Facts of the same thing, of which the file may have said less.
NodeFacts filled(const NodeFacts& mine, const NodeFacts& theirs) {
  const auto* bridge = std::get_if<PciBridge>(&mine);
  const PciFunction* other = pci_of(theirs);
  const bool unsaid = bridge != nullptr && bridge->pci.device_class == 0 && other != nullptr;
  NodeFacts result = unsaid ? theirs : mine;
  std::visit(
      [&](auto& facts) {
        using Facts = std::decay_t<decltype(facts)>;
        if (unsaid) {
          if constexpr (requires { facts.pci; }) {
            facts.pci = bridge->pci;
            fill(facts.pci, *other);
          }
        } else if (const auto* same = std::get_if<Facts>(&theirs)) {
          fill(facts, *same);
        } else if constexpr (requires { facts.pci; }) {
          if (other != nullptr) fill(facts.pci, *other);
        }
      },
      result);
  return result;
}

/// Switches may be roots, too.
std::ptrdiff_t n_numa(const Machine& machine) {
  return std::count_if(machine.roots().begin(), machine.roots().end(),
                       [&](NodeId root) { return std::holds_alternative<NumaNode>(machine.node(root).facts); });
}

/// A tree that still grows. Ids below the file's number of nodes are the file's.
class Draft {
 public:
  Draft(const Machine& file, const Machine& probed)
      : file_(file), probed_(probed), both_have_one_numa_(n_numa(file) == 1 && n_numa(probed) == 1) {
    for (const Node& node : file.nodes()) add(node);
    n_nets_of_file_ = count_nets();
    find_wanted();
    for (std::size_t i = 0; i < probed.nodes().size(); ++i) place(static_cast<NodeId>(i));
    take_links();
  }

  Machine machine() const;

 private:
  static constexpr NodeId kLeftOut = -2;

  NodeId add(Node node) {
    const auto id = static_cast<NodeId>(nodes_.size());
    if (node.parent != kNoNode) children_[static_cast<std::size_t>(node.parent)].push_back(id);
    nodes_.push_back(std::move(node));
    children_.emplace_back();
    return id;
  }

  std::vector<int> count_nets() const {
    std::vector<int> counts;
    for (const auto& children : children_) {
      counts.push_back(static_cast<int>(std::count_if(children.begin(), children.end(), [&](NodeId child) {
        return std::holds_alternative<NetNode>(facts(child));
      })));
    }
    return counts;
  }

  const NodeFacts& facts(NodeId id) const { return nodes_[static_cast<std::size_t>(id)].facts; }

  /// A NIC for which the file names no networks.
  bool takes_nets(NodeId id) const {
    const auto index = static_cast<std::size_t>(id);
    return std::holds_alternative<NicNode>(facts(id)) &&
           (index >= n_nets_of_file_.size() || n_nets_of_file_[index] == 0);
  }

  NodeId counterpart(NodeId probed_id) const;
  NodeId with_same_bus_id(NodeId probed_id, std::string_view bus_id) const;
  NodeId net_like(NodeId nic, const NetNode& net) const;
  void find_wanted();
  void place(NodeId probed_id);
  void take_links();
  void flatten(NodeId id, NodeId parent, std::vector<Node>& nodes, std::vector<NodeId>& new_ids) const;

  const Machine& file_;
  const Machine& probed_;
  const bool both_have_one_numa_;
  std::vector<Node> nodes_;  ///< parents as they came, children_ in order
  std::vector<std::vector<NodeId>> children_;
  std::vector<int> n_nets_of_file_;  ///< by node
  /// By the probe's ids: it, or something below it, is to be added. Networks on a bus go with their NIC.
  std::vector<bool> wanted_;
  std::vector<NodeId> place_of_;  ///< by the probe's ids: where it is in nodes_, or kLeftOut
  std::vector<Link> links_;
};

/// Where bridges and NICs share a bus id, the first one's is the first one, and so on.
NodeId Draft::with_same_bus_id(NodeId probed_id, std::string_view bus_id) const {
  const auto has_it = [&](const Node& node) {
    const PciFunction* pci = pci_of(node);
    return pci != nullptr && pci->bus_id == bus_id;
  };
  const NodeId first = file_.with_bus_id(bus_id);
  auto before = std::count_if(probed_.nodes().begin(), probed_.nodes().begin() + probed_id, has_it);
  if (first == kNoNode || before == 0) return first;
  for (auto id = static_cast<std::size_t>(first); id < file_.nodes().size(); ++id) {
    if (has_it(file_.nodes()[id]) && before-- == 0) return static_cast<NodeId>(id);
  }
  return first;
}

/// The file's node for what the probe has seen.
NodeId Draft::counterpart(NodeId probed_id) const {
  const Node& node = probed_.node(probed_id);
  if (const PciFunction* pci = pci_of(node); pci != nullptr) {
    if (!pci->bus_id.empty()) return with_same_bus_id(probed_id, pci->bus_id);
    if (!std::holds_alternative<SwitchNode>(node.facts)) return kNoNode;
  }
  for (const NodeId root : file_.roots()) {
    const auto* numa = std::get_if<NumaNode>(&node.facts);
    if (const auto* mine = std::get_if<NumaNode>(&facts(root)); numa != nullptr && mine != nullptr) {
      const bool alone = both_have_one_numa_ && !(mine->numa_id && numa->numa_id);
      if (alone || (mine->numa_id && mine->numa_id == numa->numa_id)) return root;
    }
    const auto* hidden = std::get_if<SwitchNode>(&facts(root));
    if (hidden != nullptr && hidden->pci.bus_id.empty() && std::holds_alternative<SwitchNode>(node.facts)) return root;
  }
  return kNoNode;
}

NodeId Draft::net_like(NodeId nic, const NetNode& net) const {
  for (const NodeId child : children_[static_cast<std::size_t>(nic)]) {
    const auto* mine = std::get_if<NetNode>(&facts(child));
    if (mine != nullptr && mine->name == net.name && (!mine->port || !net.port || mine->port == net.port)) return child;
  }
  return kNoNode;
}

void Draft::find_wanted() {
  std::set<std::string_view> names;
  for (const NodeId net : file_.nets()) names.insert(std::get<NetNode>(file_.node(net).facts).name);
  wanted_.assign(probed_.nodes().size(), false);
  for (std::size_t i = wanted_.size(); i-- > 0;) {
    const Node& node = probed_.nodes()[i];
    const PciFunction* pci = pci_of(node);
    if (const auto* net = std::get_if<NetNode>(&node.facts)) {
      const auto& nic = std::get<NicNode>(probed_.node(node.parent).facts);
      wanted_[i] = nic.pci.bus_id.empty() && !names.contains(net->name);
    } else if (pci != nullptr && !std::holds_alternative<PciBridge>(node.facts)) {
      const bool named = !pci->bus_id.empty() || std::holds_alternative<SwitchNode>(node.facts);
      if (named && counterpart(static_cast<NodeId>(i)) == kNoNode) wanted_[i] = true;
    }
    if (wanted_[i] && node.parent != kNoNode) wanted_[static_cast<std::size_t>(node.parent)] = true;
  }
}

/// Fills the file's node, or adds one. The probe's parents come before their children, so theirs are placed.
void Draft::place(NodeId probed_id) {
  const Node& node = probed_.node(probed_id);
  const NodeId parent = node.parent == kNoNode ? kNoNode : place_of_[static_cast<std::size_t>(node.parent)];
  const auto* net = std::get_if<NetNode>(&node.facts);
  NodeId mine = kNoNode;
  if (net == nullptr) {
    mine = counterpart(probed_id);
  } else if (parent >= 0) {
    mine = net_like(parent, *net);
  }
  const bool on_a_bus = net != nullptr && !std::get<NicNode>(probed_.node(node.parent).facts).pci.bus_id.empty();
  if (mine != kNoNode) {
    nodes_[static_cast<std::size_t>(mine)].facts = filled(facts(mine), node.facts);
  } else if (!(wanted_[static_cast<std::size_t>(probed_id)] || on_a_bus) || parent == kLeftOut) {
    mine = kLeftOut;
  } else if (net != nullptr && !takes_nets(parent)) {
    mine = kLeftOut;
  } else {
    mine = add({parent, node.facts});
  }
  place_of_.push_back(mine);
}

bool has_links(const NodeFacts& facts) {
  return !std::holds_alternative<PciBridge>(facts) && !std::holds_alternative<NicNode>(facts) &&
         !std::holds_alternative<NetNode>(facts);
}

/// The GPU that a link belongs to.
NodeId owner(const Link& link, const std::vector<Node>& nodes) {
  const bool from_gpu = std::holds_alternative<GpuNode>(nodes[static_cast<std::size_t>(link.from)].facts);
  return from_gpu ? link.from : link.to;
}

void Draft::take_links() {
  links_ = file_.links();
  std::set<std::pair<NodeId, LinkKind>> said;
  for (const Link& link : links_) said.emplace(owner(link, nodes_), link.kind);
  for (Link link : probed_.links()) {
    link.from = place_of_[static_cast<std::size_t>(link.from)];
    link.to = place_of_[static_cast<std::size_t>(link.to)];
    if (link.from < 0 || link.to < 0 || !has_links(facts(link.from)) || !has_links(facts(link.to))) continue;
    if (said.contains({owner(link, nodes_), link.kind})) continue;
    links_.push_back(std::move(link));
  }
}

void Draft::flatten(NodeId id, NodeId parent, std::vector<Node>& nodes, std::vector<NodeId>& new_ids) const {
  const auto here = static_cast<NodeId>(nodes.size());
  new_ids[static_cast<std::size_t>(id)] = here;
  nodes.push_back({parent, facts(id)});
  const auto is_net = [&](NodeId child) { return std::holds_alternative<NetNode>(facts(child)); };
  std::vector<NodeId> children = children_[static_cast<std::size_t>(id)];
  std::stable_partition(children.begin(), children.end(), is_net);  // as a file has them
  for (const NodeId child : children) flatten(child, here, nodes, new_ids);
}

Machine Draft::machine() const {
  std::set<NodeId> linked;
  for (const Link& link : links_) linked.insert({link.from, link.to});
  std::vector<Node> nodes;
  std::vector<NodeId> new_ids(nodes_.size(), kNoNode);
  const auto flatten_roots = [&](bool switches) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      const auto id = static_cast<NodeId>(i);
      if (nodes_[i].parent != kNoNode || std::holds_alternative<SwitchNode>(nodes_[i].facts) != switches) continue;
      // A switch that only the probe knows, and whose links the file has otherwise.
      if (switches && i >= file_.nodes().size() && !linked.contains(id)) continue;
      flatten(id, kNoNode, nodes, new_ids);
    }
  };
  flatten_roots(false);
  flatten_roots(true);
  std::vector<Link> links = links_;
  for (Link& link : links) {
    link.from = new_ids[static_cast<std::size_t>(link.from)];
    link.to = new_ids[static_cast<std::size_t>(link.to)];
  }
  std::stable_sort(links.begin(), links.end(),
                   [&](const Link& a, const Link& b) { return owner(a, nodes) < owner(b, nodes); });
  return {file_.host().empty() ? probed_.host() : file_.host(), std::move(nodes), std::move(links)};
}

}  // namespace

Machine merge(const Machine& file, const Machine& probed) { return Draft(file, probed).machine(); }

}  // namespace stretto::topology
