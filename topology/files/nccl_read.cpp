#include <map>
#include <memory>
#include <utility>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_schema.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/schema.hpp"

namespace stretto::topology {
namespace {

using namespace nccl;

constexpr std::uint32_t kMostClass = 0xFFFFFF;
constexpr std::int32_t kMostLanes = 64;
constexpr std::int32_t kMostLinks = 1'000'000;
constexpr double kMostLatency_us = 1e9;
constexpr std::int64_t kMostMegabytes_per_s = 1'000'000'000;

const XmlElement* child_named(const XmlElement& element, std::string_view name) {
  for (const XmlElement& child : element.children) {
    if (child.name == name) return &child;
  }
  return nullptr;
}

class Builder {
 public:
  Builder(std::string_view file_name, std::vector<std::string>* warnings) : notes_(file_name, warnings) {}

  Machine build(const XmlElement& root);

 private:
  struct Pending {
    const XmlElement* element;
    NodeId gpu;
  };

  /// By bus id: the node, and the line.
  using Functions = std::map<std::string, std::pair<NodeId, std::int64_t>, std::less<>>;

  NodeId add(NodeId parent, NodeFacts facts) {
    nodes_.push_back({parent, std::move(facts)});
    return static_cast<NodeId>(nodes_.size()) - 1;
  }
  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id)]; }

  void read_cpu(const XmlElement& element);
  void read_pci(const XmlElement& element, NodeId parent);
  PciKind kind_of(const XmlElement& element, std::uint32_t device_class) const;
  void note_again(const XmlElement& element, PciKind kind, const Functions::value_type& known);
  GpuNode read_gpu(const XmlElement* element, PciFunction pci);
  void read_nets(const XmlElement& nic, NodeId parent);
  void read_link(const XmlElement& element, NodeId gpu);
  void read_c2c(const XmlElement& element, NodeId gpu);
  NodeId target_of(const XmlElement& element, Attributes& attributes, const std::string& target_class, NodeId gpu);
  NodeId switch_of(std::string bus_id);
  NodeId numa_of(NodeId id) const;
  void both_ways(Link link);

  FileNotes notes_;
  std::vector<Node> nodes_;
  std::vector<Link> links_;
  std::vector<Pending> pending_;
  Functions functions_;
  std::map<std::int32_t, std::int64_t> numa_lines_;
  std::string host_;
};

Machine Builder::build(const XmlElement& root) {
  if (root.name != "system") notes_.refuse(root, "is not the <system> of a topology file: give one that NCCL wrote");
  Attributes attributes(root, notes_);
  const auto version = attributes.integer("version", 1, 2);
  if (!version) notes_.refuse(root, "has no version: give 1, or 2 for AMD's");
  attributes.finish();
  for (const XmlElement& child : root.children) {
    if (child.name == "cpu") {
      read_cpu(child);
    } else {
      notes_.unknown_element(child, root);
    }
  }
  // All functions are known now.
  for (const Pending& each : pending_) {
    each.element->name == "c2c" ? read_c2c(*each.element, each.gpu) : read_link(*each.element, each.gpu);
  }
  return {std::move(host_), std::move(nodes_), std::move(links_)};
}

void Builder::read_cpu(const XmlElement& element) {
  Attributes attributes(element, notes_);
  NumaNode numa;
  numa.numa_id = attributes.number("numaid");
  numa.processors = attributes.processors("affinity");
  numa.architecture = attributes.text("arch");
  numa.vendor = attributes.text("vendor");
  numa.family = attributes.number("familyid");
  numa.model = attributes.number("modelid");
  numa.package = attributes.number("package");
  std::string host = attributes.text("host_hash");
  const std::string name = attributes.text("host");
  if (host.empty()) host = name;
  attributes.finish();
  if (!host.empty() && !host_.empty() && host != host_) {
    notes_.refuse(element, format("the host is \"{}\", and that of a <cpu> before it \"{}\": one file is one machine; "
                                  "part it by hosts",
                                  printable(host.substr(0, 60)), printable(host_.substr(0, 60))));
  }
  if (!host.empty()) host_ = host;
  if (numa.numa_id) {
    const auto [known, is_new] = numa_lines_.emplace(*numa.numa_id, element.line);
    if (!is_new) {
      notes_.refuse(element, format("numaid {} is in line {} already: each NUMA node is one <cpu>", *numa.numa_id,
                                    known->second));
    }
  }
  const NodeId here = add(kNoNode, std::move(numa));
  for (const XmlElement& child : element.children) {
    if (child.name == "pci") {
      read_pci(child, here);
    } else if (child.name == "nic") {
      read_nets(child, add(here, NicNode{}));
    } else {
      notes_.unknown_element(child, element);
    }
  }
}

PciKind Builder::kind_of(const XmlElement& element, std::uint32_t device_class) const {
  const bool gpu = child_named(element, "gpu") != nullptr;
  const bool nic = child_named(element, "nic") != nullptr;
  if (gpu && nic)
    notes_.refuse(element, "has a <gpu> and a <nic>: it is one of them; give the other a <pci> of its own");
  if (gpu) return PciKind::gpu;
  return nic ? PciKind::nic : kind_of_class(device_class);
}

/// Files in use have bridges and NICs with one another's bus ids. Nothing asks for them by it; links do for GPUs.
void Builder::note_again(const XmlElement& element, PciKind kind, const Functions::value_type& known) {
  const auto& [bus_id, place] = known;
  const auto is_named = [](PciKind each) { return each == PciKind::gpu || each == PciKind::nv_switch; };
  const NodeFacts& facts = node(place.first).facts;
  const bool named = std::holds_alternative<GpuNode>(facts) || std::holds_alternative<SwitchNode>(facts);
  if (named || is_named(kind)) {
    notes_.refuse(element, format("busid {} is in line {} already: each GPU and NVSwitch has its own, since links name "
                                  "them by it",
                                  bus_id, place.second));
  }
  notes_.warn(element, "again " + bus_id,
              format("has the busid {} of line {}, and is taken for another function", bus_id, place.second));
}

void Builder::read_pci(const XmlElement& element, NodeId parent) {
  Attributes attributes(element, notes_);
  PciFunction pci;
  pci.bus_id = attributes.bus_id("busid");
  pci.device_class = static_cast<std::uint32_t>(attributes.integer("class", 0, kMostClass).value_or(0));
  pci.vendor = attributes.id16("vendor");
  pci.device = attributes.id16("device");
  pci.subsystem_vendor = attributes.id16("subsystem_vendor");
  pci.subsystem_device = attributes.id16("subsystem_device");
  pci.gigatransfers_per_s = attributes.gigatransfers("link_speed");
  pci.lanes = attributes.number("link_width", kMostLanes);
  if (pci.lanes == 0) pci.lanes.reset();  // not known, in a virtual machine
  attributes.ignore({"keep"});
  attributes.finish();
  if (pci.bus_id.empty()) notes_.refuse(element, "has no busid: give one, such as 0000:3b:00.0");
  const auto here = static_cast<NodeId>(nodes_.size());
  const auto [known, is_new] = functions_.emplace(pci.bus_id, std::pair(here, element.line));
  const PciKind kind = kind_of(element, pci.device_class);
  if (!is_new) note_again(element, kind, *known);
  switch (kind) {
    case PciKind::gpu:
      add(parent, read_gpu(child_named(element, "gpu"), std::move(pci)));
      break;
    case PciKind::nic:
      add(parent, NicNode{std::move(pci)});
      break;
    case PciKind::nv_switch:
      add(parent, SwitchNode{std::move(pci)});
      break;
    case PciKind::bridge:
      add(parent, PciBridge{std::move(pci)});
      break;
  }
  int n_gpus = 0;
  for (const XmlElement& child : element.children) {
    if (child.name == "nic") read_nets(child, here);
    if (child.name == "gpu" && ++n_gpus > 1) notes_.refuse(child, "is the second of its <pci>: give it one of its own");
  }
  for (const XmlElement& child : element.children) {
    if (child.name == "pci") {
      read_pci(child, here);
    } else if (child.name != "gpu" && child.name != "nic") {
      notes_.unknown_element(child, element);
    }
  }
}

GpuNode Builder::read_gpu(const XmlElement* element, PciFunction pci) {
  GpuNode gpu;
  gpu.pci = std::move(pci);
  if (element == nullptr) return gpu;
  Attributes attributes(*element, notes_);
  gpu.ordinal = attributes.number("dev");
  gpu.compute_capability = attributes.number("sm");
  gpu.rank = attributes.number("rank");
  gpu.direct_rdma = attributes.flag("gdr");
  gpu.gcn = attributes.text("gcn");
  gpu.gcn_code = attributes.number("arch");
  gpu.uuid = attributes.text("uuid");
  attributes.ignore({"keep"});
  attributes.finish();
  const auto here = static_cast<NodeId>(nodes_.size());
  for (const XmlElement& child : element->children) {
    if (child.name == "nvlink" || child.name == "xgmi" || child.name == "c2c") {
      pending_.push_back({&child, here});
    } else {
      notes_.unknown_element(child, *element);
    }
  }
  return gpu;
}

void Builder::read_nets(const XmlElement& nic, NodeId parent) {
  Attributes of_nic(nic, notes_);
  of_nic.ignore({"keep"});
  of_nic.finish();
  for (const XmlElement& child : nic.children) {
    if (child.name != "net") {
      notes_.unknown_element(child, nic);
      continue;
    }
    Attributes attributes(child, notes_);
    NetNode net;
    net.name = attributes.text("name");
    net.ordinal = attributes.number("dev");
    net.megabits_per_s = attributes.integer("speed", 0, INT32_MAX);
    net.latency_us = attributes.decimal("latency", kMostLatency_us);
    net.port = attributes.number("port");
    net.guid = attributes.unsigned64("guid");
    net.max_connections = attributes.number("maxconn");
    net.direct_rdma = attributes.flag("gdr");
    net.dma_buffers = attributes.flag("dmabuf");
    net.collectives = attributes.flag("coll");
    net.link_layer = attributes.text("link_layer");
    net.rdma_device = attributes.text("rdma_device");
    attributes.ignore({"keep"});
    attributes.finish();
    for (const XmlElement& inner : child.children) notes_.unknown_element(inner, child);
    add(parent, std::move(net));
  }
}

NodeId Builder::switch_of(std::string bus_id) {
  const auto [known, is_new] = functions_.try_emplace(std::move(bus_id), std::pair(kNoNode, std::int64_t{0}));
  if (is_new) known->second.first = add(kNoNode, SwitchNode{{known->first, 0x068000, {}, {}, {}, {}, {}, {}}});
  return known->second.first;
}

NodeId Builder::numa_of(NodeId id) const {
  while (node(id).parent != kNoNode) id = node(id).parent;
  return id;
}

/// kNoNode: the GPU itself.
NodeId Builder::target_of(const XmlElement& element, Attributes& attributes, const std::string& target_class,
                          NodeId gpu) {
  const std::string text = attributes.text("target");
  if (target_class == kProcessorClass) return numa_of(gpu);
  if (text == kHiddenTarget && (target_class.empty() || target_class == kSwitchClass)) return switch_of("");
  const std::string bus_id = attributes.bus_id("target");
  if (bus_id.empty()) notes_.refuse(element, "has no target: give the busid of what the link leads to");
  const auto found = functions_.find(bus_id);
  if (found == functions_.end()) {
    if (target_class == kSwitchClass) return switch_of(bus_id);
    notes_.refuse(element, format("target {} is no <pci> of this file: add it, or take the link out (only an NVSwitch, "
                                  "tclass 0x068000, may be known by its links alone)",
                                  bus_id));
  }
  const NodeId target = found->second.first;
  if (target == gpu) return kNoNode;
  const NodeFacts& facts = node(target).facts;
  if (!std::holds_alternative<GpuNode>(facts) && !std::holds_alternative<SwitchNode>(facts)) {
    notes_.refuse(
        element,
        format("target {} is neither a GPU nor an NVSwitch: mend the target, or the class of that <pci>", bus_id));
  }
  return target;
}

void Builder::both_ways(Link link) {
  links_.push_back(link);
  std::swap(link.from, link.to);
  link.target_class.clear();
  links_.push_back(std::move(link));
}

void Builder::read_link(const XmlElement& element, NodeId gpu) {
  Attributes attributes(element, notes_);
  Link link;
  link.kind = element.name == "xgmi" ? LinkKind::xgmi : LinkKind::nvlink;
  link.from = gpu;
  link.target_class = attributes.text("tclass");
  link.to = target_of(element, attributes, link.target_class, gpu);
  link.count = static_cast<std::int32_t>(attributes.integer("count", 1, kMostLinks).value_or(1));
  if (const auto bw = attributes.integer("bw", 0, kMostMegabytes_per_s); bw && *bw > 0) {
    link.gigabytes_per_s_of_each = static_cast<double>(*bw) / 1000;
  }
  attributes.finish();
  if (link.to == kNoNode) {
    notes_.warn(element, format("itself {}", gpu),
                format("leads from {} to itself and is left out", name_of(node(gpu))));
    return;
  }
  if (link.target_class.empty()) link.target_class = usual_class(node(link.to));
  if (std::holds_alternative<GpuNode>(node(link.to).facts)) {
    links_.push_back(std::move(link));
  } else {
    both_ways(std::move(link));
  }
}

void Builder::read_c2c(const XmlElement& element, NodeId gpu) {
  Attributes attributes(element, notes_);
  Link link;
  link.kind = LinkKind::c2c;
  link.from = gpu;
  link.to = numa_of(gpu);
  link.count = static_cast<std::int32_t>(attributes.integer("count", 1, kMostLinks).value_or(1));
  if (const auto bw = attributes.integer("bw", 0, kMostMegabytes_per_s); bw && *bw > 0) {
    link.gigabytes_per_s_of_each = static_cast<double>(*bw) / 1000;
  }
  attributes.finish();
  both_ways(std::move(link));
}

}  // namespace

Machine read_nccl_xml(const XmlElement& root, std::string_view file_name, std::vector<std::string>* warnings) {
  return Builder(file_name, warnings).build(root);
}

Machine read_nccl_xml(std::string_view text, std::string_view file_name, std::vector<std::string>* warnings) {
  return read_nccl_xml(parse_xml(text, file_name), file_name, warnings);
}

}  // namespace stretto::topology
