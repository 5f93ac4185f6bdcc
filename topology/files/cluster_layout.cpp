#include "topology/files/cluster_layout.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace stretto::topology {
namespace {

constexpr double kMostWidth = 1340;  // of the hosts together, about
constexpr double kLeastWidth = 860;
constexpr double kMark = 22;  // from one GPU to the next
constexpr double kLeastHost = 186;
constexpr double kMostHost = 380;
constexpr double kBetweenHosts = 18;
constexpr double kBetweenGroups = 30;
constexpr double kGap = 118;  // where hosts are left out
constexpr double kHostHeight = 134;
constexpr double kSpineHeight = 38;
constexpr double kTrunk = 50;
constexpr double kLeafHeight = 38;
constexpr double kMostLeaf = 132;
constexpr double kBetweenLeaves = 6;
constexpr double kWires = 128;
constexpr std::size_t kFewestShown = 4;
constexpr std::size_t kMostShown = 8;

class Placer {
 public:
  Placer(const ClusterFacts& facts, const Cluster& cluster) : facts_(facts), cluster_(cluster) {}

  ClusterLayout place() {
    measure_hosts();
    place_hosts(chosen_hosts());
    place_leaves();
    set_heights();
    return std::move(out_);
  }

 private:
  std::int32_t group_of(std::int32_t host) const {
    return cluster_.fabric.hosts_per_leaf > 0 ? host / cluster_.fabric.hosts_per_leaf : 0;
  }

  void measure_hosts() {
    std::size_t marks = 1;
    for (const HostVariant& variant : cluster_.variants) {
      marks = std::max({marks, units_of(variant.machine).size(), variant.made_megabits_per_s.size()});
    }
    host_width_ = std::clamp(2 * ClusterLayout::padding + kMark * static_cast<double>(marks), kLeastHost, kMostHost);
    const auto fit = static_cast<std::size_t>(kMostWidth / (host_width_ + kBetweenHosts));
    most_shown_ = std::clamp(fit, kFewestShown, kMostShown);
  }

  /// All, or the first and the last, then one of each kind, those with faults, and the next at either end.
  std::set<std::int32_t> chosen_hosts() const {
    const std::int32_t n_hosts = cluster_.n_hosts();
    std::set<std::int32_t> chosen = {0, n_hosts - 1};
    const std::size_t most = std::min(most_shown_, static_cast<std::size_t>(n_hosts));
    for (const ClusterFacts::Kind& kind : facts_.kinds) {
      if (chosen.size() < most) chosen.insert(kind.host);
    }
    for (const HostRun& run : facts_.hosts) {
      if (!run.faults.empty() && chosen.size() + 1 < std::max<std::size_t>(most, 3)) chosen.insert(run.first);
    }
    for (std::int32_t next = 1; chosen.size() < most; ++next) {
      chosen.insert(next);
      if (chosen.size() < most && next == 2) chosen.insert(n_hosts - 2);
    }
    return chosen;
  }

  void place_hosts(const std::set<std::int32_t>& chosen) {
    double x = ClusterLayout::margin;
    for (const std::int32_t number : chosen) {
      const std::int32_t group = group_of(number);
      if (!out_.hosts.empty()) {
        const ClusterLayout::Host& last = out_.hosts.back();
        const bool is_next = last.number + 1 == number;
        if (!is_next) add_gap(last, number, x);
        x += is_next ? (last.group == group ? kBetweenHosts : kBetweenGroups) : kGap;
      }
      out_.hosts.push_back({number, group, {x, 0, host_width_, 0}});
      x += host_width_;
    }
    out_.width = std::max(x + ClusterLayout::margin, kLeastWidth);
    const double shift = (out_.width - x - ClusterLayout::margin) / 2;
    for (ClusterLayout::Host& host : out_.hosts) host.box.x += shift;
    for (ClusterLayout::Gap& gap : out_.gaps) gap.center += shift;
  }

  void add_gap(const ClusterLayout::Host& last, std::int32_t number, double x) {
    ClusterLayout::Gap gap;
    gap.hosts = number - last.number - 1;
    gap.center = x + kGap / 2;
    gap.group = last.group == group_of(number) ? last.group : -1;
    for (const HostRun& run : facts_.hosts) {
      const std::int32_t end = std::min(run.first + run.count, number);
      const std::int32_t among = end - std::max(run.first, last.number + 1);
      if (!run.faults.empty() && among > 0) gap.faulty += among;
    }
    for (const LeafRun& run : facts_.groups) {
      const std::int32_t end = std::min(run.first + run.count, group_of(number));
      const std::int32_t among = end - std::max(run.first, last.group + 1);
      if (among > 0) gap.leaves += among * static_cast<std::int64_t>(run.leaves.size());
    }
    out_.gaps.push_back(gap);
  }

  /// Above the hosts that have them; where all have the same, over the whole width.
  void place_leaves() {
    for (std::size_t first = 0, end = 0; first < out_.hosts.size(); first = end) {
      const std::int32_t group = out_.hosts[first].group;
      while (end < out_.hosts.size() && out_.hosts[end].group == group) ++end;
      const bool is_only = end - first == out_.hosts.size();
      const double left = is_only ? ClusterLayout::margin : out_.hosts[first].box.x;
      const double right = is_only ? out_.width - ClusterLayout::margin : out_.hosts[end - 1].box.right();
      const std::vector<LeafFacts>& leaves = facts_.leaves_of(group).leaves;
      const auto count = static_cast<double>(leaves.size());
      const double most = cluster_.fabric.rails ? kMostLeaf : 3 * kMostLeaf;
      const double pitch = std::min((right - left + kBetweenLeaves) / count, most + kBetweenLeaves);
      double x = (left + right - pitch * count + kBetweenLeaves) / 2;
      for (const LeafFacts& leaf : leaves) {
        out_.leaves.push_back({group, leaf, {x, 0, std::max(pitch - kBetweenLeaves, pitch / 2), kLeafHeight}});
        x += pitch;
      }
    }
  }

  void set_heights() {
    double y = ClusterLayout::margin + ClusterLayout::title;
    if (facts_.has_spine) {
      const double left = out_.leaves.front().box.x;
      out_.spine = {left, y, out_.leaves.back().box.right() - left, kSpineHeight};
      y += kSpineHeight + kTrunk;
    }
    for (ClusterLayout::Leaf& leaf : out_.leaves) leaf.box.y = y;
    y += kLeafHeight + kWires;
    std::size_t faults = 0;
    for (const ClusterLayout::Host& host : out_.hosts) {
      faults = std::max(faults, facts_.run_of(host.number).faults.size());
    }
    const std::size_t lines = std::min(faults, ClusterLayout::most_faults + 1);
    const double height = kHostHeight + ClusterLayout::fault_line * static_cast<double>(lines);
    for (ClusterLayout::Host& host : out_.hosts) host.box.y = y, host.box.height = height;
    out_.height = y + height + ClusterLayout::legend;
  }

  const ClusterFacts& facts_;
  const Cluster& cluster_;
  double host_width_ = 0;
  std::size_t most_shown_ = 0;
  ClusterLayout out_;
};

}  // namespace

std::vector<NodeId> units_of(const Machine& machine) {
  std::vector<NodeId> units = machine.gpus();
  if (!units.empty()) return units;
  for (const NodeId root : machine.roots()) {
    if (std::holds_alternative<NumaNode>(machine.node(root).facts)) units.push_back(root);
  }
  return units;
}

ClusterLayout lay_out(const ClusterFacts& facts, const Cluster& cluster) { return Placer(facts, cluster).place(); }

}  // namespace stretto::topology
