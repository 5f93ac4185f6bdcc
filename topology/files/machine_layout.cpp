#include "topology/files/machine_layout.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "topology/files/machine_words.hpp"

namespace stretto::topology {
namespace {

constexpr double kBarHeight = 24;
constexpr double kGap = 18;        // between rows of the tree
constexpr double kNumaGap = 28;    // between NUMA nodes
constexpr double kPadding = 14;    // within a NUMA node's box
constexpr double kNetHeight = 30;  // of a network in its NIC's box
constexpr double kNicFoot = 32;    // the NIC's own lines
constexpr double kGpuHeight = 66;
constexpr double kSwitchHeight = 40;
constexpr double kSwitchDrop = 84;  // from the GPUs down to the switches
constexpr std::size_t kLeastColumns = 2;

template <class Facts>
bool is(const Machine& machine, NodeId id) {
  return std::holds_alternative<Facts>(machine.node(id).facts);
}

/// What hangs on one node of the tree.
struct Below {
  std::vector<NodeId> gpus;
  std::vector<NodeId> nics;
  std::vector<NodeId> bridges;

  /// A GPU and a NIC of one bridge share a column.
  std::size_t own_columns() const { return std::max(gpus.size(), nics.size()); }
};

/// Functions below a GPU, a NIC or a switch are drawn as if beside it: that is rare, and the tree is in the text.
void collect(const Machine& machine, NodeId id, Below& below) {
  for (const NodeId child : machine.children(id)) {
    if (is<PciBridge>(machine, child)) below.bridges.push_back(child);
    if (is<GpuNode>(machine, child)) below.gpus.push_back(child);
    if (is<NicNode>(machine, child)) below.nics.push_back(child);
    if (!is<PciBridge>(machine, child)) collect(machine, child, below);
  }
}

class Placer {
 public:
  explicit Placer(const Machine& machine)
      : machine_(machine), below_(machine.nodes().size()), columns_(machine.nodes().size()) {
    for (const NodeId root : machine.roots()) {
      if (is<NumaNode>(machine, root)) measure(root, 0);
    }
    for (const NodeId net : machine.nets()) nets_of_[machine.node(net).parent] += 1;
  }

  Layout place() {
    place_rows();
    double x = Layout::margin;
    for (const NodeId root : machine_.roots()) {
      if (!is<NumaNode>(machine_, root)) continue;
      const double width = static_cast<double>(columns_[index(root)]) * Layout::column -
                           (Layout::column - Layout::gpu_width) + 2 * kPadding;
      out_.numas.push_back({root, {x, top_, width, bottom_ - top_}, kNoNode, 0});
      place_below(root, x + kPadding, 0);
      x += width + kNumaGap;
    }
    out_.width = std::max(x - kNumaGap + Layout::margin, 640.0);
    place_links();
    index_boxes();
    return std::move(out_);
  }

 private:
  static std::size_t index(NodeId id) { return static_cast<std::size_t>(id); }

  std::size_t measure(NodeId id, int depth) {
    Below& below = below_[index(id)];
    collect(machine_, id, below);
    std::size_t columns = below.own_columns();
    for (const NodeId bridge : below.bridges) columns += measure(bridge, depth + 1);
    depth_ = std::max(depth_, depth);
    columns_[index(id)] = std::max<std::size_t>(columns, depth == 0 ? kLeastColumns : 1);
    return columns_[index(id)];
  }

  void place_rows() {
    std::size_t most_nets = 0;
    bool has_nics = false;
    for (std::size_t i = 0; i < machine_.nodes().size(); ++i) {
      has_nics = has_nics || is<NicNode>(machine_, static_cast<NodeId>(i));
    }
    for (const auto& [nic, count] : nets_of_) most_nets = std::max(most_nets, count);
    top_ = Layout::margin + Layout::title;
    bars_ = top_ + Layout::numa_header + kGap;
    nic_row_ = bars_ + depth_ * (kBarHeight + kGap);
    nic_height_ = has_nics ? kNicFoot + kNetHeight * static_cast<double>(most_nets) : 0;
    gpu_row_ = nic_row_ + (has_nics ? nic_height_ + kGap : 0);
    bottom_ = gpu_row_ + (machine_.gpus().empty() ? 0 : kGpuHeight) + kPadding;
  }

  void place_leaves(NodeId id, double x) {
    const Below& below = below_[index(id)];
    for (std::size_t i = 0; i < below.gpus.size(); ++i) {
      const Box box{x + static_cast<double>(i) * Layout::column, gpu_row_, Layout::gpu_width, kGpuHeight};
      // Past a NIC in the same column.
      const double wire_x = i < below.nics.size() ? box.right() - 5 : box.center();
      out_.gpus.push_back({below.gpus[i], box, id, wire_x});
    }
    for (std::size_t i = 0; i < below.nics.size(); ++i) {
      const double left = x + static_cast<double>(i) * Layout::column + (Layout::gpu_width - Layout::nic_width) / 2;
      const Box box{left, nic_row_, Layout::nic_width, nic_height_};
      out_.nics.push_back({below.nics[i], box, id, box.center()});
    }
  }

  /// GPUs and NICs stand to the left of the bridges beside them if the tree has one of them first.
  void place_below(NodeId id, double x, int depth) {
    const Below& below = below_[index(id)];
    const double own_width = static_cast<double>(below.own_columns()) * Layout::column;
    const bool leaves_first = below.bridges.empty() || (!below.gpus.empty() && below.gpus[0] < below.bridges[0]) ||
                              (!below.nics.empty() && below.nics[0] < below.bridges[0]);
    if (leaves_first) {
      place_leaves(id, x);
      x += own_width;
    }
    for (const NodeId bridge : below.bridges) {
      const double columns = static_cast<double>(columns_[index(bridge)]);
      const double width = columns * Layout::column - (Layout::column - Layout::gpu_width);
      const Box box{x, bars_ + depth * (kBarHeight + kGap), width, kBarHeight};
      out_.bridges.push_back({bridge, box, id, box.center()});
      place_below(bridge, x, depth + 1);
      x += columns * Layout::column;
    }
    if (!leaves_first) place_leaves(id, x);
  }

  void place_links() {
    index_boxes();
    double depth = 0;
    for (const Link& link : machine_.links()) {
      const Box* from = out_.box_of[index(link.from)];
      const Box* to = out_.box_of[index(link.to)];
      if (from == nullptr || to == nullptr || !is<GpuNode>(machine_, link.from) || !is<GpuNode>(machine_, link.to))
        continue;
      depth = std::max(depth, arc_depth(std::abs(from->center() - to->center())));
    }
    double y = bottom_ + (depth > 0 ? depth * 0.75 + kGap : 0);  // a cubic reaches three quarters of its handles' depth
    const std::vector<NodeId> all = switches(machine_);
    if (!all.empty()) {
      y += kSwitchDrop;
      const double pitch = (out_.width - 2 * Layout::margin) / static_cast<double>(all.size());
      const double width = std::min(150.0, pitch - 8);
      for (std::size_t i = 0; i < all.size(); ++i) {
        const double center = Layout::margin + (static_cast<double>(i) + 0.5) * pitch;
        out_.switches.push_back({all[i], {center - width / 2, y, width, kSwitchHeight}, kNoNode, 0});
      }
      y += kSwitchHeight;
    }
    out_.height = y + kGap + Layout::legend;
  }

  void index_boxes() {
    out_.box_of.assign(machine_.nodes().size(), nullptr);
    for (const auto* row : {&out_.numas, &out_.bridges, &out_.nics, &out_.gpus, &out_.switches}) {
      for (const Placed& placed : *row) out_.box_of[index(placed.id)] = &placed.box;
    }
  }

  const Machine& machine_;
  std::vector<Below> below_;          ///< by node, of NUMA nodes and bridges
  std::vector<std::size_t> columns_;  ///< the same
  std::map<NodeId, std::size_t> nets_of_;
  int depth_ = 0;  ///< of the bridges
  double top_ = 0;
  double bars_ = 0;
  double nic_row_ = 0;
  double nic_height_ = 0;
  double gpu_row_ = 0;
  double bottom_ = 0;
  Layout out_;
};

}  // namespace

double arc_depth(double distance) { return 26 + std::min(distance * 0.2, 240.0); }

Layout lay_out(const Machine& machine) { return Placer(machine).place(); }

}  // namespace stretto::topology
