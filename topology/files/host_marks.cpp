#include "topology/files/host_marks.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::topology {
namespace {

constexpr double kNicTop = 8;
constexpr double kNicHeight = 14;
constexpr double kBar = 30;  // of a NUMA node, below the host's top
constexpr double kGpuTop = 39;
constexpr double kGpuHeight = 16;
constexpr double kSwitchTop = 68;
constexpr double kSwitchHeight = 14;
constexpr double kArcDepth = 22;
constexpr double kName = 104;
constexpr double kMostMark = 18;
constexpr double kLeastLabelled = 11;
constexpr std::size_t kMostArcs = 400;
constexpr Look kMissingLook{"#ffffff", kFaultColor};
constexpr const char* kDashes = " stroke-dasharray=\"3 2\"";

class HostDrawer {
 public:
  HostDrawer(SvgPage& page, const ClusterLayout::Host& host, const ClusterFacts& facts, const Cluster& cluster)
      : page_(page),
        number_(host.number),
        box_(host.box),
        variant_(cluster.host(host.number)),
        machine_(variant_.machine),
        run_(facts.run_of(host.number)),
        kind_(facts.kinds[run_.kind].name),
        units_(units_of(machine_)),
        ports_(ports_of(machine_)),
        unit_centers_(centers(host.box, units_.size())),
        nic_centers_(centers(host.box, ports_.size())) {}

  void draw() {
    page_.rectangle(box_, kNumaLook, 8);
    draw_numas();
    if (!variant_.gpus.empty()) draw_links();
    draw_nics();
    draw_units();
    draw_words();
  }

  static std::vector<double> centers(const Box& box, std::size_t count) {
    const std::size_t shown = std::min(count, ClusterLayout::most_marks);
    const double inner = box.width - 2 * ClusterLayout::padding;
    std::vector<double> centers;
    for (std::size_t i = 0; i < shown; ++i) {
      centers.push_back(box.x + ClusterLayout::padding +
                        inner * (static_cast<double>(i) + 0.5) / static_cast<double>(shown));
    }
    return centers;
  }

 private:
  double mark_width(std::size_t shown) const {
    const double pitch =
        (box_.width - 2 * ClusterLayout::padding) / static_cast<double>(std::max<std::size_t>(shown, 1));
    return std::min(kMostMark, pitch * 0.8);
  }

  bool is_there(std::size_t gpu) const { return variant_.gpus.empty() || variant_.gpus[gpu]; }
  std::int64_t first_rank() const { return run_.first_rank + std::int64_t{number_ - run_.first} * run_.ranks_of_each; }

  void mark(const Box& box, const Look& look, std::size_t label, const std::string& hint, const char* more = "") {
    page_.rectangle(box, look, 3, hint, more);
    if (box.width < kLeastLabelled) return;
    page_.text(box.center(), box.y + box.height / 2 + 3.2, 9, "middle", format("{}", label));
  }

  void cross(const Box& box) {
    page_.path(format("M{0:.1f} {1:.1f}L{2:.1f} {3:.1f}M{0:.1f} {3:.1f}L{2:.1f} {1:.1f}", box.x, box.y, box.right(),
                      box.bottom()),
               kFaultColor, 1.2, 0.8, "missing");
  }

  void draw_numas();
  void draw_links();
  void draw_arcs();
  void draw_nics();
  void draw_units();
  void draw_words();

  SvgPage& page_;
  const std::int32_t number_;
  const Box box_;
  const HostVariant& variant_;
  const Machine& machine_;
  const HostRun& run_;
  const std::string& kind_;
  const std::vector<NodeId> units_;
  const std::vector<NodeId> ports_;
  const std::vector<double> unit_centers_;
  const std::vector<double> nic_centers_;
};

/// A bar for each, as wide as what hangs on it.
void HostDrawer::draw_numas() {
  struct Span {
    double left = std::numeric_limits<double>::max();
    double right = 0;
    std::string stubs;
  };
  std::map<NodeId, Span> spans;
  const auto add = [&](NodeId numa, double x, double from, double to) {
    Span& span = spans[numa];
    span.left = std::min(span.left, x);
    span.right = std::max(span.right, x);
    span.stubs += format("M{:.1f} {:.1f}V{:.1f}", x, box_.y + from, box_.y + to);
  };
  const auto numa_above = [&](NodeId id) {
    return std::holds_alternative<NumaNode>(machine_.node(id).facts) ? id : machine_.numa_of(id);
  };
  for (std::size_t i = 0; i < unit_centers_.size(); ++i) add(numa_above(units_[i]), unit_centers_[i], kBar, kGpuTop);
  for (std::size_t i = 0; i < nic_centers_.size(); ++i) {
    add(numa_above(ports_[i]), nic_centers_[i], kNicTop + kNicHeight, kBar);
  }
  double last = -1;
  for (const auto& [numa, span] : spans) {
    const std::string name = numa == kNoNode ? "PCIe" : printable(name_of(machine_.node(numa))) + ": PCIe";
    const double y = box_.y + kBar;
    if (last >= 0 && last < span.left) {
      page_.path(format("M{:.1f} {:.1f}H{:.1f}", last, y, span.left), kWire, 1, 1,
                 "between the processors of NUMA nodes");
    }
    page_.path(span.stubs, kWire, 1, 1, name);
    page_.path(format("M{:.1f} {:.1f}H{:.1f}", span.left - 4, y, span.right + 4), kWire, 3.5, 1, name);
    last = span.right + 4;
  }
}

/// Down to a bar that stands for all NVSwitches, and arcs between GPUs.
void HostDrawer::draw_links() {
  const std::vector<NodeId> all = switches(machine_);
  if (!all.empty()) {
    std::string ticks;
    for (std::size_t i = 0; i < unit_centers_.size(); ++i) {
      const auto is_of_gpu = [&](const Link& link) {
        return link.from == units_[i] && std::holds_alternative<SwitchNode>(machine_.node(link.to).facts);
      };
      if (!is_there(i) || std::ranges::none_of(machine_.links(), is_of_gpu)) continue;
      ticks += format("M{:.1f} {:.1f}V{:.1f}", unit_centers_[i], box_.y + kGpuTop + kGpuHeight, box_.y + kSwitchTop);
    }
    if (!ticks.empty()) page_.path(ticks, kNvlinkColor, 2.4, 0.6, "NVLinks");
    const std::string words = counted(all.size(), "NVSwitch");
    const double inset = ClusterLayout::padding;
    page_.rectangle({box_.x + inset, box_.y + kSwitchTop, box_.width - 2 * inset, kSwitchHeight}, kSwitchLook, 4);
    page_.text(box_.center(), box_.y + kSwitchTop + 10.3, 9, "middle", words);
  }
  draw_arcs();
}

void HostDrawer::draw_arcs() {
  const auto arc = [&](std::size_t a, std::size_t b) {
    const double y = box_.y + kGpuTop + kGpuHeight;
    const double distance = std::abs(unit_centers_[b] - unit_centers_[a]);
    const double depth = 10 + std::min(kArcDepth, distance * 0.2);
    return format("M{0:.1f} {1:.1f}C{0:.1f} {2:.1f} {3:.1f} {2:.1f} {3:.1f} {1:.1f}", unit_centers_[a], y, y + depth,
                  unit_centers_[b]);
  };
  std::map<NodeId, std::size_t> place;
  for (std::size_t i = 0; i < unit_centers_.size(); ++i) place[units_[i]] = i;
  std::map<std::pair<std::size_t, std::size_t>, LinkKind> pairs;
  for (const Link& link : machine_.links()) {
    const auto a = place.find(link.from);
    const auto b = place.find(link.to);
    if (a == place.end() || b == place.end() || !is_there(a->second) || !is_there(b->second)) continue;
    if (link.from != link.to) pairs[std::minmax(a->second, b->second)] = link.kind;
  }
  std::map<LinkKind, std::string> arcs;
  if (pairs.size() <= kMostArcs) {
    for (const auto& [pair, kind] : pairs) arcs[kind] += arc(pair.first, pair.second);
  }
  for (const auto& [kind, points] : arcs) {
    const bool is_xgmi = kind == LinkKind::xgmi;
    page_.path(points, is_xgmi ? kXgmiColor : kNvlinkColor, 1.4, 0.7, is_xgmi ? "xGMI links" : "NVLinks");
  }
  for (const HostFault& fault : run_.faults) {
    const auto a = static_cast<std::size_t>(fault.first);
    const auto b = static_cast<std::size_t>(fault.second);
    if (fault.fault != ClusterSpec::Fault::no_link || std::max(a, b) >= unit_centers_.size()) continue;
    page_.path(arc(a, b), kFaultColor, 1.8, 1, fault_words(fault), kDashes);
  }
}

void HostDrawer::draw_nics() {
  const double width = mark_width(nic_centers_.size());
  for (std::size_t i = 0; i < nic_centers_.size(); ++i) {
    const Box box{nic_centers_[i] - width / 2, box_.y + kNicTop, width, kNicHeight};
    const std::int64_t speed = variant_.port_megabits_per_s[i];
    const std::int64_t made = variant_.made_megabits_per_s[i];
    const std::string hint = format("NIC {}: {}", i, speed == 0 ? "missing" : net_speed(speed));
    if (speed == made) {
      mark(box, kNicLook, i, hint);
    } else if (speed > 0) {
      mark(box, {kNicLook.fill, kFaultColor}, i, hint, " stroke-width=\"2\"");
    } else {
      mark(box, kMissingLook, i, hint, kDashes);
      cross(box);
    }
  }
}

void HostDrawer::draw_units() {
  const double width = mark_width(unit_centers_.size());
  std::int64_t rank = first_rank();
  for (std::size_t i = 0; i < unit_centers_.size(); ++i) {
    const Box box{unit_centers_[i] - width / 2, box_.y + kGpuTop, width, kGpuHeight};
    const char* const what = variant_.gpus.empty() ? "NUMA node" : "GPU";
    if (is_there(i)) {
      mark(box, variant_.gpus.empty() ? kHeaderLook : kGpuLook, i, format("{} {}: rank {}", what, i, rank++));
    } else {
      mark(box, kMissingLook, i, format("{} {}: missing", what, i), kDashes);
      cross(box);
    }
  }
}

void HostDrawer::draw_words() {
  const double x = box_.x + ClusterLayout::padding;
  const double width = box_.width - 2 * ClusterLayout::padding;
  const std::string name = format("host {}", number_);
  page_.text(x, box_.y + kName, 12, "start", name, "font-weight=\"bold\"");
  const std::string kind = printable(kind_.substr(kind_.rfind('/') + 1));
  page_.text(box_.right() - ClusterLayout::padding, box_.y + kName, 10, "end",
             fitting(kind, width - 9 * static_cast<double>(name.size()), 10));
  const std::size_t n_units = units_.size();
  std::string words = rank_words(first_rank(), run_.ranks_of_each);
  if (std::max(n_units, ports_.size()) > ClusterLayout::most_marks) {
    words += format(", {} and {}", counted(n_units, "GPU"), counted(ports_.size(), "NIC"));
  }
  page_.text(x, box_.y + kName + 15, 10, "start", fitting(words, width, 10));
  double y = box_.y + kName + 15 + ClusterLayout::fault_line;
  for (std::size_t i = 0; i < run_.faults.size(); ++i, y += ClusterLayout::fault_line) {
    const bool is_last = i == ClusterLayout::most_faults;
    const std::string fault = is_last ? format("and {} more", run_.faults.size() - i) : fault_words(run_.faults[i]);
    page_.text(x, y, 10, "start", fitting(fault, width + 10, 10), "font-weight=\"bold\"", kFaultColor);
    if (is_last) break;
  }
}

}  // namespace

std::vector<double> nic_centers(const ClusterLayout::Host& host, const HostVariant& variant) {
  return HostDrawer::centers(host.box, variant.made_megabits_per_s.size());
}

double nic_top(const ClusterLayout::Host& host) { return host.box.y + kNicTop; }

void draw_host(SvgPage& page, const ClusterLayout::Host& host, const ClusterFacts& facts, const Cluster& cluster) {
  HostDrawer(page, host, facts, cluster).draw();
}

}  // namespace stretto::topology
