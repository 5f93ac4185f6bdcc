#include "topology/files/machine_words.hpp"

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "topology/graph/link_speed.hpp"

namespace stretto::topology {
namespace {

std::string join(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text.append(text.empty() ? "" : between).append(part);
  return text;
}

struct Sum {
  std::int64_t links = 0;
  double gigabytes_per_s = 0;  ///< 0: not known of all
  std::set<NodeId> ends;
};

const char* name_of_kind(LinkKind kind) {
  if (kind == LinkKind::nvlink) return "NVLink";
  return kind == LinkKind::xgmi ? "xGMI link" : "C2C link";
}

std::string ends_of(const Machine& machine, const std::set<NodeId>& ends) {
  if (ends.size() == 1) return printable(name_of(machine.node(*ends.begin())));
  std::size_t gpus = 0;
  std::size_t switches = 0;
  for (const NodeId id : ends) {
    if (std::holds_alternative<GpuNode>(machine.node(id).facts)) ++gpus;
    if (std::holds_alternative<SwitchNode>(machine.node(id).facts)) ++switches;
  }
  std::vector<std::string> parts;
  if (gpus > 0) parts.push_back(counted(gpus, "GPU"));
  if (switches > 0) parts.push_back(counted(switches, "NVSwitch"));
  if (const auto numas = ends.size() - gpus - switches; numas > 0) parts.push_back(counted(numas, "NUMA node"));
  return join(parts, " and ");
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // C1 controls are two bytes of UTF-8, 0xC2 and one of 0x80 to 0x9F.
    const bool c1 = byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0;
    out += byte < 0x20 || byte == 0x7F || c1 ? '?' : text[i];
    if (c1) ++i;
  }
  return out;
}

std::string pcie_link(const PciFunction& pci) {
  std::string text;
  if (pci.gigatransfers_per_s) text += format(" {} GT/s", *pci.gigatransfers_per_s);
  if (pci.lanes) text += format(" x{}", *pci.lanes);
  return text.empty() ? "" : "PCIe" + text;
}

std::optional<double> pcie_gigabytes_per_s(const PciFunction& pci) {
  if (!pci.gigatransfers_per_s || !pci.lanes) return std::nullopt;
  return static_cast<double>(pci_megabytes_per_s(pci)) / 1000;
}

std::string pcie_speed(const PciFunction& pci) {
  const auto speed = pcie_gigabytes_per_s(pci);
  return pcie_link(pci) + (speed ? format(" = {:.{}f} GB/s", *speed, *speed < 1 ? 2 : 1) : "");
}

std::string net_speed(std::int64_t megabits_per_s) {
  if (megabits_per_s < 1000) return format("{} Mb/s", megabits_per_s);
  return format("{} Gb/s", static_cast<double>(megabits_per_s) / 1000);
}

std::string number_ranges(const std::vector<std::int32_t>& numbers) {
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    parts.push_back(last == i ? format("{}", numbers[i]) : format("{}-{}", numbers[i], numbers[last]));
    i = last + 1;
  }
  return join(parts, ",");
}

std::string counted(std::size_t count, std::string_view thing) {
  return format("{} {}{}", count, thing, count == 1 ? "" : (thing.ends_with("ch") ? "es" : "s"));
}

std::vector<std::string> gpu_labels(const Machine& machine) {
  std::vector<std::string> labels;
  std::set<std::int32_t> ordinals;
  const std::vector<NodeId> gpus = machine.gpus();
  for (const NodeId id : gpus) {
    const auto& gpu = std::get<GpuNode>(machine.node(id).facts);
    if (!gpu.ordinal || !ordinals.insert(*gpu.ordinal).second) break;
    labels.push_back(format("GPU{}", *gpu.ordinal));
  }
  if (labels.size() == gpus.size()) return labels;
  labels.clear();
  for (std::size_t i = 0; i < gpus.size(); ++i) labels.push_back(format("GPU#{}", i));
  return labels;
}

std::vector<std::string> link_words(const Machine& machine, NodeId gpu) {
  std::vector<std::string> words;
  for (const LinkKind kind : {LinkKind::nvlink, LinkKind::xgmi, LinkKind::c2c}) {
    Sum sum;
    bool known = true;
    for (const Link& link : machine.links()) {
      if (link.from != gpu || link.kind != kind) continue;
      sum.links += link.count;
      sum.ends.insert(link.to);
      known = known && link.gigabytes_per_s_of_each;
      sum.gigabytes_per_s += link.gigabytes_per_s_of_each.value_or(0) * link.count;
    }
    if (sum.links == 0) continue;
    words.push_back(counted(static_cast<std::size_t>(sum.links), name_of_kind(kind)) + " to " +
                    ends_of(machine, sum.ends) + (known ? format(", {:.4g} GB/s in all", sum.gigabytes_per_s) : ""));
  }
  return words;
}

std::vector<NodeId> network_ends(const Machine& machine) {
  std::vector<NodeId> ends;
  for (std::size_t i = 0; i < machine.nodes().size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const auto& children = machine.children(id);
    const bool bare = std::none_of(children.begin(), children.end(), [&](NodeId child) {
      return std::holds_alternative<NetNode>(machine.node(child).facts);
    });
    const bool nic = std::holds_alternative<NicNode>(machine.node(id).facts);
    if (std::holds_alternative<NetNode>(machine.node(id).facts) || (nic && bare)) ends.push_back(id);
  }
  return ends;
}

std::string network_label(const Machine& machine, NodeId end) {
  const NodeFacts& facts = machine.node(end).facts;
  if (const auto* net = std::get_if<NetNode>(&facts); net != nullptr) return printable(net->name);
  return std::get<NicNode>(facts).pci.bus_id;
}

std::vector<NodeId> switches(const Machine& machine) {
  std::vector<NodeId> found;
  for (std::size_t i = 0; i < machine.nodes().size(); ++i) {
    if (std::holds_alternative<SwitchNode>(machine.nodes()[i].facts)) found.push_back(static_cast<NodeId>(i));
  }
  return found;
}

std::string summary(const Machine& machine) {
  const auto numas = std::count_if(machine.roots().begin(), machine.roots().end(),
                                   [&](NodeId id) { return std::holds_alternative<NumaNode>(machine.node(id).facts); });
  std::vector<std::string> parts = {counted(static_cast<std::size_t>(numas), "NUMA node"),
                                    counted(machine.gpus().size(), "GPU")};
  if (const auto n = switches(machine).size(); n > 0) parts.push_back(counted(n, "NVSwitch"));
  parts.push_back(counted(machine.nets().size(), "network"));
  return join(parts, ", ");
}

}  // namespace stretto::topology
