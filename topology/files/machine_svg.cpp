#include "topology/files/machine_svg.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "base/text.hpp"
#include "topology/files/machine_layout.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/svg.hpp"

namespace stretto::topology {
namespace {

const char* color_of(LinkKind kind) {
  if (kind == LinkKind::nvlink) return kNvlinkColor;
  return kind == LinkKind::xgmi ? kXgmiColor : kC2cColor;
}

const char* kind_name(LinkKind kind) {
  if (kind == LinkKind::nvlink) return "NVLink";
  return kind == LinkKind::xgmi ? "xGMI" : "C2C";
}

class Drawer {
 public:
  Drawer(const Machine& machine, std::string_view title)
      : machine_(machine), layout_(lay_out(machine)), title_(printable(title)), page_(layout_.width, layout_.height) {
    const std::vector<NodeId> gpus = machine.gpus();
    const std::vector<std::string> labels = gpu_labels(machine);
    for (std::size_t i = 0; i < gpus.size(); ++i) label_of_[gpus[i]] = labels[i];
  }

  std::string draw() {
    page_.text(Layout::margin, Layout::margin + 14, 18, "start", title_, "font-weight=\"bold\"");
    page_.text(Layout::margin, Layout::margin + 34, 12, "start",
               summary(machine_) + (machine_.host().empty() ? "" : "; host " + printable(machine_.host())));
    draw_numas();
    draw_wires();
    draw_links();
    for (const Placed& each : layout_.bridges) draw_bridge(each);
    draw_c2c();
    for (const Placed& each : layout_.nics) draw_nic(each);
    for (const Placed& each : layout_.gpus) draw_gpu(each);
    for (const Placed& each : layout_.switches) draw_switch(each);
    draw_legend();
    return std::move(page_).close();
  }

 private:
  const Box* box(NodeId id) const { return layout_.box_of[static_cast<std::size_t>(id)]; }
  std::string name(NodeId id) const {
    const auto label = label_of_.find(id);
    return label == label_of_.end() ? printable(name_of(machine_.node(id))) : label->second;
  }

  void draw_numas();
  void draw_wires();
  void draw_links();
  void draw_c2c();
  void draw_bridge(const Placed& placed);
  void draw_nic(const Placed& placed);
  void draw_gpu(const Placed& placed);
  void draw_switch(const Placed& placed);
  void draw_legend();

  const Machine& machine_;
  const Layout layout_;
  std::string title_;
  std::map<NodeId, std::string> label_of_;
  SvgPage page_;
};

void Drawer::draw_numas() {
  for (std::size_t i = 0; i < layout_.numas.size(); ++i) {
    const auto& [id, area, above, wire_x] = layout_.numas[i];
    if (i > 0) {
      const double y = area.y + Layout::numa_header / 2;
      page_.path(format("M{:.1f} {:.1f}H{:.1f}", layout_.numas[i - 1].box.right(), y, area.x), kWire, 5, 1,
                 "between the processors of NUMA nodes");
    }
    page_.rectangle(area, kNumaLook, 8);
    page_.rectangle({area.x, area.y, area.width, Layout::numa_header}, kHeaderLook, 8);
    const auto& numa = std::get<NumaNode>(machine_.node(id).facts);
    std::string head = numa.numa_id ? format("NUMA node {}", *numa.numa_id) : "NUMA node";
    if (numa.package) head += format(", socket {}", *numa.package);
    page_.text(area.x + 12, area.y + 15, 13, "start", head, "font-weight=\"bold\"");
    std::string rest = printable(numa.vendor);
    if (!numa.architecture.empty()) rest += (rest.empty() ? "" : " ") + printable(numa.architecture);
    if (!numa.processors.empty()) rest += (rest.empty() ? "" : ", ") + counted(numa.processors.size(), "processor");
    page_.text(area.x + 12, area.y + 28, 10, "start", fitting(rest, area.width - 24, 10));
  }
}

/// From each part of the tree up to what it hangs on.
void Drawer::draw_wires() {
  for (const auto* row : {&layout_.bridges, &layout_.nics, &layout_.gpus}) {
    for (const auto& [id, area, above, x] : *row) {
      const bool numa = std::holds_alternative<NumaNode>(machine_.node(above).facts);
      const double top = numa ? box(above)->y + Layout::numa_header : box(above)->bottom();
      const PciFunction* pci = pci_of(machine_.node(id));
      page_.path(format("M{:.1f} {:.1f}V{:.1f}", x, top, area.y), kWire, 1.6, 1, name(id) + ": " + pcie_speed(*pci));
    }
  }
}

/// Between GPUs as arcs below them, and down to switches. A pair is drawn once, as wide as its wider direction.
void Drawer::draw_links() {
  struct Pair {
    std::int64_t forth = 0;
    std::int64_t back = 0;
  };
  std::map<std::tuple<NodeId, NodeId, LinkKind>, Pair> pairs;
  for (const Link& link : machine_.links()) {
    Pair& pair = pairs[{std::min(link.from, link.to), std::max(link.from, link.to), link.kind}];
    (link.from < link.to ? pair.forth : pair.back) += link.count;
  }
  for (const auto& [key, pair] : pairs) {
    const auto& [first, second, kind] = key;
    const Box* a = box(first);
    const Box* b = box(second);
    if (a == nullptr || b == nullptr || kind == LinkKind::c2c) continue;
    const std::int64_t count = std::max(pair.forth, pair.back);
    const double width = std::min(7.0, 0.7 + 0.55 * static_cast<double>(count));
    const std::string hint = format("{} - {}: {} {}", name(first), name(second), count, kind_name(kind));
    const bool to_switch = std::holds_alternative<SwitchNode>(machine_.node(second).facts) ||
                           std::holds_alternative<SwitchNode>(machine_.node(first).facts);
    if (to_switch) {
      const Box* upper = a->y < b->y ? a : b;
      const Box* lower = a->y < b->y ? b : a;
      const double middle = (upper->bottom() + lower->y) / 2;
      page_.path(format("M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {2:.1f} {3:.1f} {4:.1f}", upper->center(),
                        upper->bottom(), middle, lower->center(), lower->y),
                 color_of(kind), width, 0.45, hint);
    } else {
      const double y = std::max(a->bottom(), b->bottom());
      const double depth = arc_depth(std::abs(a->center() - b->center()));
      page_.path(format("M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {2:.1f} {3:.1f} {1:.1f}", a->center(), y, y + depth,
                        b->center()),
                 color_of(kind), width, 0.7, hint);
    }
  }
}

/// From a GPU up to its processor, at the GPU's left edge.
void Drawer::draw_c2c() {
  for (const Link& link : machine_.links()) {
    const Box* gpu = box(link.from);
    const Box* numa = box(link.to);
    if (!std::holds_alternative<NumaNode>(machine_.node(link.to).facts) || gpu == nullptr || numa == nullptr) continue;
    const double width = std::min(7.0, 2.4 + 0.3 * link.count);
    page_.path(format("M{:.1f} {:.1f}V{:.1f}", gpu->x + 5, gpu->y, numa->y + Layout::numa_header), color_of(link.kind),
               width, 0.9, format("{} - {}: {} {}", name(link.from), name(link.to), link.count, kind_name(link.kind)));
  }
}

void Drawer::draw_bridge(const Placed& placed) {
  const Box& area = placed.box;
  const PciFunction& pci = *pci_of(machine_.node(placed.id));
  page_.rectangle(area, kBridgeLook, 4);
  const std::string link = pcie_link(pci);
  if (area.width < 2 * Layout::column) {  // one column: no room for both on a line
    page_.text(area.center(), area.y + 10.5, 9, "middle", pci.bus_id, "font-family=\"monospace\"");
    page_.text(area.center(), area.y + 20.5, 9, "middle", fitting(link, area.width, 9));
  } else {
    page_.text(area.center(), area.y + 16, 10, "middle", "PCI " + pci.bus_id + (link.empty() ? "" : ", " + link));
  }
}

void Drawer::draw_nic(const Placed& placed) {
  const Box& area = placed.box;
  const PciFunction& pci = *pci_of(machine_.node(placed.id));
  page_.rectangle(area, kNicLook, 5);
  double y = area.y + 13;
  for (const NodeId child : machine_.children(placed.id)) {
    const auto* net = std::get_if<NetNode>(&machine_.node(child).facts);
    if (net == nullptr) continue;
    page_.text(area.center(), y, 11, "middle", fitting(printable(net->name), area.width - 4, 11),
               "font-weight=\"bold\"");
    if (net->megabits_per_s) page_.text(area.center(), y + 12, 9, "middle", net_speed(*net->megabits_per_s));
    y += 30;
  }
  if (pci.bus_id.empty()) {
    page_.text(area.center(), area.bottom() - 17, 9, "middle", "NIC, on no bus");
    return;
  }
  page_.text(area.center(), area.bottom() - 17, 9, "middle", pci.bus_id, "font-family=\"monospace\"");
  page_.text(area.center(), area.bottom() - 6, 9, "middle", fitting(pcie_link(pci), area.width, 9));
}

void Drawer::draw_gpu(const Placed& placed) {
  const Box& area = placed.box;
  const auto& gpu = std::get<GpuNode>(machine_.node(placed.id).facts);
  page_.rectangle(area, kGpuLook, 5);
  const std::string rank = gpu.rank ? format(", rank {}", *gpu.rank) : "";
  const std::string head = name(placed.id) + rank;
  page_.text(area.center(), area.y + 17, head.size() > 13 ? 11 : 13, "middle", head, "font-weight=\"bold\"");
  page_.text(area.center(), area.y + 31, 9, "middle", gpu.pci.bus_id, "font-family=\"monospace\"");
  page_.text(area.center(), area.y + 44, 9, "middle", pcie_link(gpu.pci));
  std::map<LinkKind, std::int64_t> counts;
  for (const Link& link : machine_.links()) {
    if (link.from == placed.id) counts[link.kind] += link.count;
  }
  std::string links;
  for (const auto& [kind, count] : counts) {
    links += format("{}{} {}", links.empty() ? "" : ", ", count, kind_name(kind));
  }
  page_.text(area.center(), area.y + 57, 9, "middle", fitting(links, area.width, 9));
}

void Drawer::draw_switch(const Placed& placed) {
  const Box& area = placed.box;
  const PciFunction& pci = *pci_of(machine_.node(placed.id));
  std::int64_t links = 0;
  for (const Link& link : machine_.links()) {
    if (link.to == placed.id) links += link.count;
  }
  page_.rectangle(area, kSwitchLook, 5);
  page_.text(area.center(), area.y + 16, 12, "middle", fitting("NVSwitch", area.width, 12), "font-weight=\"bold\"");
  const std::string words =
      (pci.bus_id.empty() ? "" : pci.bus_id + ", ") + counted(static_cast<std::size_t>(links), "link");
  page_.text(area.center(), area.y + 30, 9, "middle", fitting(words, area.width, 9));
}

void Drawer::draw_legend() {
  const double y = layout_.height - Layout::legend / 2 - 4;
  double x = Layout::margin;
  const auto entry = [&](const char* color, double width, const std::string& words) {
    page_.path(format("M{:.1f} {:.1f}h26", x, y - 4), color, width, 1, words);
    page_.text(x + 32, y, 11, "start", words);
    x += 48 + 7 * static_cast<double>(words.size());
  };
  entry(kWire, 1.6, "PCIe");
  for (const LinkKind kind : {LinkKind::nvlink, LinkKind::xgmi, LinkKind::c2c}) {
    const auto& links = machine_.links();
    const bool has = std::any_of(links.begin(), links.end(), [&](const Link& link) { return link.kind == kind; });
    if (has) entry(color_of(kind), 3, kind_name(kind));
  }
  if (!machine_.links().empty()) page_.text(x, y, 11, "start", "Wider: more links side by side.");
}

}  // namespace

std::string machine_to_svg(const Machine& machine, std::string_view title) { return Drawer(machine, title).draw(); }

}  // namespace stretto::topology
