#include "topology/graph/machine.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto::topology {
namespace {

template <class Facts>
std::vector<NodeId> of_kind(const std::vector<Node>& nodes) {
  std::vector<NodeId> found;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (std::holds_alternative<Facts>(nodes[i].facts)) found.push_back(static_cast<NodeId>(i));
  }
  return found;
}

[[noreturn]] void refuse(const std::string& what) { throw Error(strettoInvalidArgument, "topology: " + what); }

/// Whether a node of these facts may be there below a parent of those (nullptr: the machine itself).
void check_parent(const Node& node, const Node* parent) {
  const std::string name = name_of(node);
  if (std::holds_alternative<NumaNode>(node.facts)) {
    if (parent != nullptr) refuse(name + " is inside " + name_of(*parent) + ": NUMA nodes are the machine's own parts");
  } else if (std::holds_alternative<NetNode>(node.facts)) {
    if (parent == nullptr || !std::holds_alternative<NicNode>(parent->facts)) refuse(name + " is not inside a NIC");
  } else if (parent != nullptr && std::holds_alternative<NetNode>(parent->facts)) {
    refuse(name + " is inside " + name_of(*parent) + ", which is a network");
  } else if (parent == nullptr && !std::holds_alternative<SwitchNode>(node.facts)) {
    refuse(name + " is in no NUMA node");
  }
}

bool is_named_by_links(const Node& node) {
  return std::holds_alternative<GpuNode>(node.facts) || std::holds_alternative<SwitchNode>(node.facts);
}

void check_bus_ids(const std::vector<Node>& nodes) {
  std::map<std::string_view, bool> seen;  // and whether links name it
  for (const Node& node : nodes) {
    const PciFunction* pci = pci_of(node);
    if (pci == nullptr) continue;
    if (pci->bus_id.empty()) {
      const bool hidden = std::holds_alternative<SwitchNode>(node.facts) && node.parent == kNoNode;
      if (hidden && !seen.emplace("", true).second) refuse("there are two NVSwitches without a bus id");
      if (!hidden && !std::holds_alternative<NicNode>(node.facts)) refuse("a node of the PCI tree has no bus id");
      continue;
    }
    if (canonical_bus_id(pci->bus_id) != pci->bus_id) refuse("\"" + pci->bus_id + "\" is no bus id in lower case");
    const auto [known, is_new] = seen.emplace(pci->bus_id, is_named_by_links(node));
    if (!is_new && (known->second || is_named_by_links(node))) {
      refuse("the bus id " + pci->bus_id + " of a GPU or NVSwitch is there twice");
    }
  }
}

void check_numa_nodes(const std::vector<Node>& nodes) {
  std::set<std::int32_t> seen;
  for (const Node& node : nodes) {
    const auto* numa = std::get_if<NumaNode>(&node.facts);
    if (numa == nullptr) continue;
    if (numa->numa_id && *numa->numa_id < 0) refuse(name_of(node) + " has a negative number");
    if (numa->numa_id && !seen.insert(*numa->numa_id).second) refuse(name_of(node) + " is there twice");
    std::int32_t least = 0;
    for (const std::int32_t processor : numa->processors) {
      if (processor < least || processor >= kMostProcessors) {
        refuse(
            format("the processors of {} are not ascending numbers from 0 to {}", name_of(node), kMostProcessors - 1));
      }
      least = processor + 1;
    }
  }
}

bool may_have_links(const Node& node) {
  return std::holds_alternative<GpuNode>(node.facts) || std::holds_alternative<SwitchNode>(node.facts) ||
         std::holds_alternative<NumaNode>(node.facts);
}

void check_link(const Link& link, const std::vector<Node>& nodes) {
  const auto is_there = [&](NodeId id) { return id >= 0 && static_cast<std::size_t>(id) < nodes.size(); };
  if (!is_there(link.from) || !is_there(link.to)) refuse("a link joins a node that is not there");
  const Node& from = nodes[static_cast<std::size_t>(link.from)];
  const Node& to = nodes[static_cast<std::size_t>(link.to)];
  const std::string names = name_of(from) + " and " + name_of(to);
  if (link.from == link.to) refuse(name_of(from) + " has a link to itself");
  if (!may_have_links(from) || !may_have_links(to)) refuse("a link joins " + names + ", which have none");
  if (link.count < 1) refuse(format("there are {} links between {}", link.count, names));
  if (link.gigabytes_per_s_of_each && !(*link.gigabytes_per_s_of_each > 0)) {
    refuse("a link without bandwidth joins " + names);
  }
}

std::optional<unsigned> hexadecimal(std::string_view digits, std::size_t least, std::size_t most) {
  if (digits.size() < least || digits.size() > most) return std::nullopt;
  unsigned value = 0;
  for (const char digit : digits) {
    if (std::isxdigit(static_cast<unsigned char>(digit)) == 0) return std::nullopt;
    const int lower = std::tolower(static_cast<unsigned char>(digit));
    value = value * 16 + static_cast<unsigned>(lower <= '9' ? lower - '0' : lower - 'a' + 10);
  }
  return value;
}

}  // namespace

Machine::Machine(std::string host, std::vector<Node> nodes, std::vector<Link> links)
    : host_(std::move(host)), nodes_(std::move(nodes)), links_(std::move(links)), children_(nodes_.size()) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const NodeId parent = nodes_[i].parent;
    if (parent != kNoNode && (parent < 0 || static_cast<std::size_t>(parent) >= i)) {
      refuse(name_of(nodes_[i]) + " comes before its parent");
    }
    check_parent(nodes_[i], parent == kNoNode ? nullptr : &node(parent));
    (parent == kNoNode ? roots_ : children_[static_cast<std::size_t>(parent)]).push_back(static_cast<NodeId>(i));
  }
  check_bus_ids(nodes_);
  check_numa_nodes(nodes_);
  for (const Link& link : links_) check_link(link, nodes_);
}

std::vector<NodeId> Machine::gpus() const { return of_kind<GpuNode>(nodes_); }
std::vector<NodeId> Machine::nets() const { return of_kind<NetNode>(nodes_); }

NodeId Machine::numa_of(NodeId id) const {
  while (id != kNoNode && !std::holds_alternative<NumaNode>(node(id).facts)) id = node(id).parent;
  return id;
}

NodeId Machine::with_bus_id(std::string_view bus_id) const {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const PciFunction* pci = pci_of(nodes_[i]);
    if (pci != nullptr && !bus_id.empty() && pci->bus_id == bus_id) return static_cast<NodeId>(i);
  }
  return kNoNode;
}

const PciFunction* pci_of(const NodeFacts& facts) noexcept {
  if (const auto* bridge = std::get_if<PciBridge>(&facts)) return &bridge->pci;
  if (const auto* gpu = std::get_if<GpuNode>(&facts)) return &gpu->pci;
  if (const auto* nic = std::get_if<NicNode>(&facts)) return &nic->pci;
  if (const auto* nv_switch = std::get_if<SwitchNode>(&facts)) return &nv_switch->pci;
  return nullptr;
}

const PciFunction* pci_of(const Node& node) noexcept { return pci_of(node.facts); }

std::string canonical_bus_id(std::string_view text) {
  std::array<std::string_view, 2> heads = {"0", ""};  // domain and bus
  const std::size_t last = text.rfind(':');
  if (last == text.npos) return "";
  heads[1] = text.substr(0, last);
  if (const std::size_t first = heads[1].find(':'); first != text.npos) {
    heads[0] = heads[1].substr(0, first);
    heads[1].remove_prefix(first + 1);
  }
  const std::string_view tail = text.substr(last + 1);
  const std::size_t dot = tail.find('.');
  const auto domain = hexadecimal(heads[0], 1, 8);
  const auto bus = hexadecimal(heads[1], 1, 2);
  const auto device = hexadecimal(tail.substr(0, dot), 1, 2);
  const auto function = dot == tail.npos ? std::optional(0U) : hexadecimal(tail.substr(dot + 1), 1, 1);
  if (!domain || !bus || !device || !function) return "";
  return format("{:04x}:{:02x}:{:02x}.{:x}", *domain, *bus, *device, *function);
}

std::string name_of(const Node& node) {
  const PciFunction* pci = pci_of(node);
  const std::string place = pci == nullptr || pci->bus_id.empty() ? "" : " (" + pci->bus_id + ")";
  if (const auto* numa = std::get_if<NumaNode>(&node.facts)) {
    return numa->numa_id ? format("NUMA node {}", *numa->numa_id) : "the NUMA node";
  }
  if (const auto* gpu = std::get_if<GpuNode>(&node.facts)) {
    return (gpu->ordinal ? format("GPU {}", *gpu->ordinal) : "a GPU") + place;
  }
  if (const auto* net = std::get_if<NetNode>(&node.facts)) return net->name.empty() ? "a network" : net->name;
  if (std::holds_alternative<NicNode>(node.facts)) return "the NIC" + place;
  return (std::holds_alternative<SwitchNode>(node.facts) ? "the NVSwitch" : "the bridge") + place;
}

}  // namespace stretto::topology
