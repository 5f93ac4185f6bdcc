#include "topology/files/cluster_svg.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.hpp"
#include "topology/files/cluster_layout.hpp"
#include "topology/files/host_marks.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/svg.hpp"

namespace stretto::topology {
namespace {

/// Rails, in turn. None is red, which is for what is wrong.
constexpr std::array<Look, 8> kRails = {{{"#dcebfa", "#4a86c5"},
                                         {"#faecd2", "#d08a1d"},
                                         {"#e2f2d5", "#5c9a2f"},
                                         {"#ede3f8", "#8558b8"},
                                         {"#d6f0ed", "#2a9d8f"},
                                         {"#f0e5da", "#8f6237"},
                                         {"#f9e0ee", "#c4569a"},
                                         {"#e3e7ec", "#56657a"}}};
constexpr Look kSpineLook{"#dfe4ec", "#56657a"};
constexpr double kMostTrunk = 12;

const Look& look_of(const LeafFacts& leaf) {
  return leaf.rail < 0 ? kNicLook : kRails[static_cast<std::size_t>(leaf.rail) % kRails.size()];
}

/// "1,016 hosts": counts may be long.
std::string with_commas(std::int64_t number) {
  std::string text = format("{}", number);
  for (auto place = static_cast<std::ptrdiff_t>(text.size()) - 3; place > 0; place -= 3) {
    text.insert(static_cast<std::size_t>(place), ",");
  }
  return text;
}

class Drawer {
 public:
  Drawer(const ClusterFacts& facts, const Cluster& cluster)
      : facts_(facts), cluster_(cluster), layout_(lay_out(facts, cluster)), page_(layout_.width, layout_.height) {}

  std::string draw() {
    const double width = layout_.width - 2 * ClusterLayout::margin;
    const double size = fits(facts_.line, width, 18) ? 18 : fits(facts_.line, width, 15) ? 15 : 12;
    page_.text(ClusterLayout::margin, ClusterLayout::margin + 14, size, "start", fitting(facts_.line, width, size),
               "font-weight=\"bold\"");
    page_.text(ClusterLayout::margin, ClusterLayout::margin + 34, 12, "start", cluster_summary(facts_, cluster_));
    draw_wires();
    draw_trunks();
    for (const ClusterLayout::Leaf& leaf : layout_.leaves) draw_leaf(leaf);
    for (const ClusterLayout::Gap& gap : layout_.gaps) draw_gap(gap);
    if (facts_.has_spine) draw_spine();
    for (const ClusterLayout::Host& host : layout_.hosts) draw_host(page_, host, facts_, cluster_);
    draw_legend();
    return std::move(page_).close();
  }

 private:
  const ClusterLayout::Leaf* leaf_of(std::int32_t group, std::size_t port) const {
    const auto rail = cluster_.fabric.rails ? static_cast<std::int32_t>(port) : -1;
    const auto leaf = std::ranges::find_if(layout_.leaves, [&](const ClusterLayout::Leaf& each) {
      return each.group == group && each.facts.rail == rail;
    });
    return leaf == layout_.leaves.end() ? nullptr : &*leaf;
  }

  static std::string name(const ClusterLayout::Leaf& leaf) {
    return leaf.facts.rail < 0 ? format("leaf {}", leaf.group) : format("leaf {} rail {}", leaf.group, leaf.facts.rail);
  }

  void wire(double from_x, double from_y, double to_x, double to_y, const char* color, double width, double opacity,
            const std::string& hint, const char* more = "") {
    const double middle = (from_y + to_y) / 2;
    page_.path(
        format("M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {2:.1f} {3:.1f} {4:.1f}", from_x, from_y, middle, to_x, to_y),
        color, width, opacity, hint, more);
  }

  void draw_wires();
  void draw_trunks();
  void draw_leaf(const ClusterLayout::Leaf& leaf);
  void draw_gap(const ClusterLayout::Gap& gap);
  void draw_spine();
  void draw_legend();

  const ClusterFacts& facts_;
  const Cluster& cluster_;
  const ClusterLayout layout_;
  SvgPage page_;
};

/// From each NIC to its leaf, side by side there in the order of hosts; and one for those that are left out.
void Drawer::draw_wires() {
  struct End {
    double x, y;
    std::int32_t host;  ///< -1: left out
    std::size_t port;
  };
  for (const ClusterLayout::Leaf& leaf : layout_.leaves) {
    std::vector<End> ends;
    for (const ClusterLayout::Host& host : layout_.hosts) {
      const HostVariant& variant = cluster_.host(host.number);
      const std::vector<double> centers = nic_centers(host, variant);
      for (std::size_t port = 0; port < centers.size() && host.group == leaf.group; ++port) {
        if (leaf_of(host.group, port) != &leaf || variant.port_megabits_per_s[port] == 0) continue;
        ends.push_back({centers[port], nic_top(host), host.number, port});
      }
    }
    for (const ClusterLayout::Gap& gap : layout_.gaps) {
      if (gap.group == leaf.group) ends.push_back({gap.center, layout_.hosts.front().box.y + 22, -1, 0});
    }
    std::ranges::sort(ends, {}, &End::x);
    for (std::size_t i = 0; i < ends.size(); ++i) {
      const End& end = ends[i];
      const double x = leaf.box.x + leaf.box.width * (static_cast<double>(i) + 0.5) / static_cast<double>(ends.size());
      const char* const color = look_of(leaf.facts).line;
      if (end.host < 0) {
        wire(x, leaf.box.bottom(), end.x, end.y, color, 1.2, 0.6, "of hosts left out", " stroke-dasharray=\"2 4\"");
        continue;
      }
      const HostVariant& variant = cluster_.host(end.host);
      const std::int64_t speed = variant.port_megabits_per_s[end.port];
      const bool is_odd = speed != variant.made_megabits_per_s[end.port];
      wire(x, leaf.box.bottom(), end.x, end.y, is_odd ? kFaultColor : color, 1.8, 0.8,
           format("host {} NIC {} - {}: {}", end.host, end.port, name(leaf), net_speed(speed)),
           is_odd ? " stroke-dasharray=\"6 3\"" : "");
    }
  }
}

/// As wide as they are of what the leaf's NICs carry.
void Drawer::draw_trunks() {
  if (!facts_.has_spine) return;
  const double ratio = static_cast<double>(cluster_.fabric.up) / cluster_.fabric.down;
  for (const ClusterLayout::Leaf& leaf : layout_.leaves) {
    const double most = std::min(kMostTrunk, leaf.box.width * 0.6);
    const std::string speed = net_speed(leaf.facts.spine_megabits_per_s);
    page_.path(format("M{:.1f} {:.1f}V{:.1f}", leaf.box.center(), layout_.spine.bottom(), leaf.box.y),
               look_of(leaf.facts).line, std::clamp(most * ratio, 1.2, most * 1.5), 0.8,
               format("{} - spine: {}", name(leaf), speed));
    if (!fits(speed, leaf.box.width / 2 - most / 2 + 2, 9)) continue;
    page_.text(leaf.box.center() + most / 2 + 3, (layout_.spine.bottom() + leaf.box.y) / 2 + 3, 9, "start", speed);
  }
}

void Drawer::draw_leaf(const ClusterLayout::Leaf& leaf) {
  const Box& box = leaf.box;
  const std::string ports = port_words(leaf.facts);
  page_.rectangle(box, look_of(leaf.facts), 5, name(leaf) + ": " + ports);
  std::vector<std::string> names = {facts_.has_spine ? name(leaf) : "switch"};
  if (leaf.facts.rail >= 0) {
    names.push_back(format("rail {}", leaf.facts.rail)), names.push_back(format("{}", leaf.facts.rail));
  }
  const auto shown = std::ranges::find_if(names, [&](const std::string& each) { return fits(each, box.width, 11); });
  // On one line, or on two.
  std::vector<std::string> lines = {ports};
  if (const std::size_t comma = ports.find(", "); comma != ports.npos && !fits(ports, box.width, 9)) {
    lines = {ports.substr(0, comma), ports.substr(comma + 2)};
  }
  if (!std::ranges::all_of(lines, [&](const std::string& line) { return fits(line, box.width, 9); })) lines.clear();
  double y = box.y + (lines.empty() ? box.height / 2 + 4 : lines.size() == 1 ? 16 : 13);
  if (shown != names.end()) page_.text(box.center(), y, 11, "middle", *shown, "font-weight=\"bold\"");
  y += lines.size() == 1 ? 14 : 11;
  for (const std::string& line : lines) page_.text(box.center(), y, 9, "middle", line), y += 10;
}

void Drawer::draw_gap(const ClusterLayout::Gap& gap) {
  const double y = layout_.hosts.front().box.y;
  const auto dots = [&](double height) {
    page_.text(gap.center, height, 20, "middle", "\xC2\xB7 \xC2\xB7 \xC2\xB7", "font-weight=\"bold\"");
  };
  dots(y + 48);
  page_.text(gap.center, y + 68, 11, "middle", with_commas(gap.hosts));
  page_.text(gap.center, y + 82, 11, "middle", gap.hosts == 1 ? "more host" : "more hosts");
  if (gap.faulty > 0) {
    page_.text(gap.center, y + 97, 10, "middle", with_commas(gap.faulty) + " with faults", "font-weight=\"bold\"",
               kFaultColor);
  }
  if (gap.leaves == 0) return;
  const Box& leaf = layout_.leaves.front().box;
  dots(leaf.y + 14);
  page_.text(gap.center, leaf.y + 32, 11, "middle", with_commas(gap.leaves) + " more");
}

void Drawer::draw_spine() {
  const Box& box = layout_.spine;
  const Fabric& fabric = cluster_.fabric;
  page_.rectangle(box, kSpineLook, 6);
  page_.text(box.center(), box.y + 16, 13, "middle", format("spine, {}:{}", fabric.down, fabric.up),
             "font-weight=\"bold\"");
  page_.text(box.center(), box.y + 30, 10, "middle", spine_words(fabric));
}

void Drawer::draw_legend() {
  const double y = layout_.height - ClusterLayout::legend / 2 + 2;
  double x = ClusterLayout::margin;
  const auto words = [&](const std::string& text, const char* color = kInk) {
    page_.text(x, y, 11, "start", text, "", color);
    x += 18 + 6.2 * static_cast<double>(text.size());
  };
  const auto mark = [&](const Look& look, const std::string& text) {
    page_.rectangle({x, y - 11, 16, 14}, look, 3);
    x += 22;
    words(text);
  };
  const auto line = [&](const char* color, double width, const std::string& text) {
    page_.path(format("M{:.1f} {:.1f}h22", x, y - 4), color, width, 1, text);
    x += 28;
    words(text);
  };
  const auto any = [&](const auto& is_so) {
    return std::ranges::any_of(layout_.hosts, [&](const auto& host) { return is_so(cluster_.host(host.number)); });
  };
  const auto has = [](const HostVariant& host, LinkKind kind) {
    return std::ranges::any_of(host.machine.links(), [&](const Link& link) { return link.kind == kind; });
  };
  mark(kNicLook, "NIC");
  if (any([](const HostVariant& host) { return !host.gpus.empty(); })) mark(kGpuLook, "GPU");
  if (any([](const HostVariant& host) { return host.gpus.empty(); })) mark(kHeaderLook, "NUMA node");
  line(kWire, 3.5, "NUMA node, PCIe");
  if (any([&](const HostVariant& host) { return has(host, LinkKind::nvlink); })) line(kNvlinkColor, 2.4, "NVLink");
  if (any([&](const HostVariant& host) { return has(host, LinkKind::xgmi); })) line(kXgmiColor, 2.4, "xGMI");
  if (facts_.has_spine) words("Wider to the spine: more of what NICs carry.");
  const bool is_wrong = std::ranges::any_of(facts_.hosts, [](const HostRun& run) { return !run.faults.empty(); });
  if (is_wrong) words("Red: what is wrong.", kFaultColor);
}

}  // namespace

std::string cluster_to_svg(const ClusterFacts& facts, const Cluster& cluster) { return Drawer(facts, cluster).draw(); }

}  // namespace stretto::topology
