#include <algorithm>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "topology/files/hwloc_draft.hpp"

namespace stretto::topology::hwloc {
namespace {

constexpr std::size_t kNobody = SIZE_MAX;

class Assembler {
 public:
  Assembler(const Draft& draft, FileNotes& notes) : draft_(draft), notes_(notes), owner_(kMostProcessors, kNobody) {}

  Machine run() {
    find_numas();
    find_packages();
    choose();
    place();
    for (std::size_t at = 0; at < numas_.size(); ++at) add_numa(at);
    return {draft_.host, std::move(nodes_), {}};
  }

 private:
  struct Place {
    NumaNode numa;
    std::vector<std::size_t> tops;  ///< functions directly below
    std::vector<const NetNode*> loose;
  };

  void find_numas() {
    std::map<std::int32_t, std::int64_t> lines;
    for (const Numa& each : draft_.numas) {
      Place made;
      made.numa.numa_id = each.id;
      const Processors has = processors_of(*each.element, notes_).value_or(Processors()) & draft_.processors;
      take(has, made);
      if (each.id) {
        const auto [known, is_new] = lines.emplace(*each.id, each.element->line);
        if (!is_new) {
          notes_.refuse(*each.element, format("the NUMA node {} is in line {} already: its number must be its own",
                                              *each.id, known->second));
        }
      }
      if (made.numa.processors.empty()) {
        notes_.warn(*each.element, "memory alone", "is memory without processors of its own, and left out");
      } else {
        numas_.push_back(std::move(made));
      }
    }
    std::stable_sort(numas_.begin(), numas_.end(),
                     [](const Place& a, const Place& b) { return a.numa.numa_id < b.numa.numa_id; });
    if (numas_.empty()) {
      numas_.emplace_back();
      take(draft_.processors, numas_.back());
    }
    for (std::size_t at = 0; at < numas_.size(); ++at) {
      for (const std::int32_t processor : numas_[at].numa.processors) owner_[static_cast<std::size_t>(processor)] = at;
    }
  }

  /// Those that no other node has.
  void take(const Processors& has, Place& place) {
    const Processors news = has & ~taken_;
    if (news.none()) return;  // before each is looked at: a file may have very many nodes
    taken_ |= news;
    for (std::size_t i = 0; i < news.size(); ++i) {
      if (news[i]) place.numa.processors.push_back(static_cast<std::int32_t>(i));
    }
  }

  /// The first package that has all of a node's processors.
  void find_packages() {
    std::vector<std::size_t> package_of(kMostProcessors, kNobody);
    Processors packaged;
    for (std::size_t i = 0; i < draft_.packages.size(); ++i) {
      const Processors has = processors_of(*draft_.packages[i].element, notes_).value_or(Processors());
      const Processors news = has & ~packaged;
      if (news.none()) continue;
      packaged |= news;
      for (std::size_t at = 0; at < news.size(); ++at) {
        if (news[at]) package_of[at] = i;
      }
    }
    for (Place& each : numas_) {
      NumaNode& numa = each.numa;
      numa.architecture = draft_.architecture;
      if (numa.processors.empty()) continue;
      const std::size_t first = package_of[static_cast<std::size_t>(numa.processors.front())];
      const bool within = std::all_of(numa.processors.begin(), numa.processors.end(), [&](std::int32_t processor) {
        return package_of[static_cast<std::size_t>(processor)] == first;
      });
      if (first == kNobody || !within) continue;
      const Package& package = draft_.packages[first];
      numa.package = package.number, numa.vendor = package.vendor;
      numa.family = package.family, numa.model = package.model;
    }
  }

  /// GPUs, NICs and switches, and the ports above them that lead up. Going up from a card there is, in turn, a port of
  /// a switch that leads down, one that leads up, the next switch's or the root port.
  void choose() {
    const std::vector<Function>& functions = draft_.functions;
    kept_.assign(functions.size(), false);
    holds_.assign(functions.size(), false);
    children_.resize(functions.size());
    for (std::size_t i = functions.size(); i-- > 0;) {
      const Function& function = functions[i];
      const bool is_bridge = function.kind == PciKind::bridge;
      if (function.kind && !is_bridge) kept_[i] = true;
      bool wanted = kept_[i];
      if (is_bridge && holds_[i]) kept_[i] = function.level % 2 == 1, wanted = true;
      if (wanted && function.above) holds_[*function.above] = true;
    }
  }

  std::optional<std::size_t> kept_above(std::size_t i) const {
    auto above = draft_.functions[i].above;
    while (above && !kept_[*above]) above = draft_.functions[*above].above;
    return above;
  }

  void place() {
    for (std::size_t i = 0; i < kept_.size(); ++i) {
      if (!kept_[i]) continue;
      if (const auto above = kept_above(i)) {
        children_[*above].push_back(i);
      } else {
        numas_[numa_near(draft_.functions[i].near)].tops.push_back(i);
      }
    }
    for (const LooseNet& each : draft_.loose) numas_[numa_near(each.near)].loose.push_back(&each.net);
  }

  /// The only one that has processors of these, or the only one; else one without number, which comes last.
  std::size_t numa_near(const XmlElement* element) {
    const auto [known, is_new] = numa_of_.try_emplace(element, kNobody);
    if (!is_new) return known->second;
    std::size_t found = n_known_numas() == 1 ? 0 : kNobody;
    const auto near = element == nullptr ? std::nullopt : processors_of(*element, notes_);
    for (std::size_t at = 0; near && n_known_numas() > 1 && at < near->size(); ++at) {
      const std::size_t owner = (*near)[at] ? owner_[at] : kNobody;
      if (owner == kNobody || owner == found) continue;
      if (found != kNobody) {
        found = kNobody;
        break;
      }
      found = owner;
    }
    if (found == kNobody) {
      if (!far_) far_ = numas_.size(), numas_.emplace_back();
      found = *far_;
      if (element != nullptr) {
        notes_.warn(*element, "near several",
                    "has I/O that is near several NUMA nodes: it is put at one without number");
      }
    }
    return known->second = found;
  }

  std::size_t n_known_numas() const { return far_ ? numas_.size() - 1 : numas_.size(); }

  NodeId add(NodeId parent, NodeFacts facts) {
    nodes_.push_back({parent, std::move(facts)});
    return static_cast<NodeId>(nodes_.size()) - 1;
  }

  void add_numa(std::size_t at) {
    const NodeId node = add(kNoNode, std::move(numas_[at].numa));
    for (const std::size_t top : numas_[at].tops) add_function(top, node);
    if (numas_[at].loose.empty()) return;
    const NodeId nic = add(node, NicNode{});
    for (const NetNode* net : numas_[at].loose) add(nic, *net);
  }

  /// As deep as the file's elements are, which is bounded.
  void add_function(std::size_t i, NodeId parent) {
    const Function& function = draft_.functions[i];
    const NodeId node = add(parent, facts_of(function));
    if (function.kind == PciKind::nic) {
      for (const NetNode& net : function.nets) add(node, net);
    }
    for (const std::size_t child : children_[i]) add_function(child, node);
  }

  static NodeFacts facts_of(const Function& function) {
    switch (*function.kind) {
      case PciKind::gpu: {
        GpuNode gpu;
        gpu.pci = function.pci;
        gpu.ordinal = function.ordinal;
        gpu.uuid = function.uuid;
        return gpu;
      }
      case PciKind::nic:
        return NicNode{function.pci};
      case PciKind::nv_switch:
        return SwitchNode{function.pci};
      case PciKind::bridge:
        break;
    }
    return PciBridge{function.pci};
  }

  const Draft& draft_;
  FileNotes& notes_;
  Processors taken_;
  std::vector<Place> numas_;
  std::vector<std::size_t> owner_;  ///< of each processor, in numas_
  std::optional<std::size_t> far_;  ///< the one without number
  std::map<const XmlElement*, std::size_t> numa_of_;
  std::vector<bool> kept_;
  std::vector<bool> holds_;  ///< bridges with something kept below
  std::vector<std::vector<std::size_t>> children_;
  std::vector<Node> nodes_;
};

}  // namespace

Machine assemble(const Draft& draft, FileNotes& notes) { return Assembler(draft, notes).run(); }

}  // namespace stretto::topology::hwloc
