#include "topology/files/machine_text.hpp"

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/paths.hpp"

namespace stretto::topology {
namespace {

void append(std::string& text, const std::string& part) {
  if (!part.empty()) text += ", " + part;
}

std::string numa_words(const NumaNode& numa) {
  std::string text = numa.numa_id ? format("NUMA node {}", *numa.numa_id) : "NUMA node";
  if (numa.package) append(text, format("socket {}", *numa.package));
  append(text, printable(numa.vendor));
  append(text, printable(numa.architecture));
  if (!numa.processors.empty()) append(text, "processors " + number_ranges(numa.processors));
  return text;
}

std::string gpu_words(const GpuNode& gpu, const std::string& label) {
  std::string text = format("{} {}", label, gpu.pci.bus_id);
  if (!gpu.gcn.empty()) {
    append(text, "gcn " + printable(gpu.gcn));
  } else if (gpu.compute_capability) {
    append(text, format("compute capability {}.{}", *gpu.compute_capability / 10, *gpu.compute_capability % 10));
  }
  if (gpu.rank) append(text, format("rank {}", *gpu.rank));
  if (gpu.direct_rdma) append(text, *gpu.direct_rdma ? "GPUDirect RDMA" : "no GPUDirect RDMA");
  append(text, pcie_speed(gpu.pci));
  return text;
}

std::string gid_words(const Gid& gid) {
  const std::string type = gid.type.empty() ? "" : format(" ({})", printable(gid.type));
  return format("GID {} {}{}", gid.index, printable(gid.address), type);
}

std::string net_words(const NetNode& net) {
  std::string text = "net " + (net.name.empty() ? "without a name" : printable(net.name));
  if (net.port) append(text, format("port {}", *net.port));
  append(text, printable(net.link_layer));
  if (net.megabits_per_s) append(text, net_speed(*net.megabits_per_s));
  if (net.latency_us && *net.latency_us > 0) append(text, format("{} us", *net.latency_us));
  if (net.direct_rdma) append(text, *net.direct_rdma ? "GPUDirect RDMA" : "no GPUDirect RDMA");
  if (net.dma_buffers) append(text, *net.dma_buffers ? "DMA buffers" : "no DMA buffers");
  if (net.collectives.value_or(false)) append(text, "reduces in the switch");
  if (!net.gids.empty()) append(text, gid_words(net.gids.front()));
  if (!net.rdma_device.empty()) append(text, "the same wire as " + printable(net.rdma_device));
  return text;
}

std::string function_words(const char* what, const PciFunction& pci) {
  std::string text = what + (pci.bus_id.empty() ? "" : " " + pci.bus_id);
  append(text, pcie_speed(pci));
  return text;
}

class Printer {
 public:
  Printer(const Machine& machine, std::string_view title) : machine_(machine), labels_(gpu_labels(machine)) {
    const std::vector<NodeId> gpus = machine.gpus();
    for (std::size_t i = 0; i < gpus.size(); ++i) label_of_[gpus[i]] = labels_[i];
    text_ = format("{}: {}\n", printable(title), summary(machine));
    if (!machine.host().empty()) text_ += format("host {}\n", printable(machine.host()));
  }

  std::string print() {
    for (const NodeId root : machine_.roots()) print_node(root, "", "");
    print_paths();
    return std::move(text_);
  }

 private:
  std::string words(NodeId id) const {
    const NodeFacts& facts = machine_.node(id).facts;
    if (const auto* numa = std::get_if<NumaNode>(&facts)) return numa_words(*numa);
    if (const auto* bridge = std::get_if<PciBridge>(&facts)) return function_words("PCI bridge", bridge->pci);
    if (const auto* gpu = std::get_if<GpuNode>(&facts)) return gpu_words(*gpu, label_of_.at(id));
    if (const auto* nic = std::get_if<NicNode>(&facts)) return function_words("NIC", nic->pci);
    if (const auto* net = std::get_if<NetNode>(&facts)) return net_words(*net);
    return function_words("NVSwitch", std::get<SwitchNode>(facts).pci);
  }

  /// `first` stands before the node itself, `rest` before all that is below it.
  void print_node(NodeId id, const std::string& first, const std::string& rest) {
    text_ += format("{}{}\n", first, words(id));
    const std::vector<NodeId>& children = machine_.children(id);
    if (std::holds_alternative<GpuNode>(machine_.node(id).facts)) {
      for (const std::string& line : link_words(machine_, id)) {
        text_ += format("{}{}{}\n", rest, children.empty() ? "     " : "│    ", line);
      }
    }
    for (const NodeId child : children) {
      const bool last = child == children.back();
      print_node(child, rest + (last ? "└─ " : "├─ "), rest + (last ? "   " : "│  "));
    }
  }

  void print_paths();
  void print_legend(const std::vector<std::vector<Path>>& rows);

  const Machine& machine_;
  std::vector<std::string> labels_;
  std::map<NodeId, std::string> label_of_;
  std::string text_;
};

void Printer::print_paths() {
  const std::vector<NodeId> gpus = machine_.gpus();
  std::vector<NodeId> ends = gpus;
  const std::vector<NodeId> nets = network_ends(machine_);
  if (gpus.empty()) return;
  if (gpus.size() > kMostInPaths || nets.size() > kMostInPaths) {
    text_ += format("\nPaths are not listed: there are more than {} GPUs or networks.\n", kMostInPaths);
    return;
  }
  ends.insert(ends.end(), nets.begin(), nets.end());
  std::vector<std::string> heads = labels_;
  for (const NodeId net : nets) heads.push_back(network_label(machine_, net));
  const auto rows = paths_from_gpus(machine_, ends);
  std::size_t label_width = 0;
  for (const std::string& label : labels_) label_width = std::max(label_width, label.size());
  text_ += format("\n{:<{}}", "", label_width);
  for (const std::string& head : heads) text_ += format("  {:>5}", head);
  text_ += "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    text_ += format("{:<{}}", labels_[i], label_width);
    for (std::size_t j = 0; j < heads.size(); ++j) {
      text_ += format("  {:>{}}", to_string(rows[i][j]), std::max<std::size_t>(5, heads[j].size()));
    }
    text_ += "\n";
  }
  print_legend(rows);
}

void Printer::print_legend(const std::vector<std::vector<Path>>& rows) {
  static constexpr std::pair<PathKind, const char*> kLegend[] = {
      {PathKind::nvlink, "NVn  n NVLinks side by side, directly or through NVSwitches"},
      {PathKind::xgmi, "XGn  n xGMI links side by side"},
      {PathKind::pix, "PIX  one PCI bridge between them"},
      {PathKind::pxb, "PXB  several PCI bridges, but not the processor"},
      {PathKind::phb, "PHB  the processor of their NUMA node"},
      {PathKind::sys, "SYS  the processors of two NUMA nodes"},
  };
  text_ += "\n";
  for (const auto& [kind, line] : kLegend) {
    const auto has = [&, wanted = kind](const std::vector<Path>& row) {
      return std::any_of(row.begin(), row.end(), [&](const Path& path) { return path.kind == wanted; });
    };
    if (std::any_of(rows.begin(), rows.end(), has)) text_ += format("{}\n", line);
  }
}

}  // namespace

std::string machine_to_text(const Machine& machine, std::string_view title) { return Printer(machine, title).print(); }

}  // namespace stretto::topology
