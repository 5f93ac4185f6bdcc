// Where the parts of a machine lie on its picture: NUMA nodes side by side, in each the PCI tree downwards, all NICs in
// one row and all GPUs in another below it, then what joins GPUs beside the tree. Lengths are pixels of the picture.
#pragma once

#include <vector>

#include "topology/files/box.hpp"
#include "topology/graph/machine.hpp"

namespace stretto::topology {

struct Placed {
  NodeId id = kNoNode;
  Box box;
  NodeId above = kNoNode;  ///< that a wire leads to
  double wire_x = 0;
};

struct Layout {
  Layout() = default;
  Layout(Layout&&) = default;
  Layout(const Layout&) = delete;  // box_of points into the rows

  std::vector<Placed> numas;    ///< the whole area
  std::vector<Placed> bridges;  ///< parents before children
  std::vector<Placed> nics;
  std::vector<Placed> gpus;
  std::vector<Placed> switches;
  std::vector<const Box*> box_of;  ///< by node; nullptr: is not drawn
  double width = 0;
  double height = 0;

  static constexpr double margin = 24;
  static constexpr double title = 54;        ///< height of what stands above all
  static constexpr double numa_header = 34;  ///< within the NUMA node's box
  static constexpr double column = 124;      ///< from one GPU to the next
  static constexpr double gpu_width = 112;
  static constexpr double nic_width = 92;  ///< narrower, so that wires pass it
  static constexpr double legend = 40;
};

/// How deep an arc hangs that joins two GPUs so far apart.
double arc_depth(double distance);

Layout lay_out(const Machine& machine);

}  // namespace stretto::topology
