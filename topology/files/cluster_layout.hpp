// Where the parts of a cluster lie on its picture: the spine on top, leaves below it, and hosts in a row at the bottom.
// Of many hosts those that are shown are the first, the last, and some that have faults. Lengths are pixels.
#pragma once

#include <cstdint>
#include <vector>

#include "topology/files/box.hpp"
#include "topology/files/cluster_facts.hpp"

namespace stretto::topology {

struct ClusterLayout {
  struct Host {
    std::int32_t number = 0;
    std::int32_t group = 0;  ///< whose leaves it has
    Box box;
  };
  struct Leaf {
    std::int32_t group = 0;
    LeafFacts facts;
    Box box;
  };
  /// Between two hosts, those that are left out.
  struct Gap {
    std::int32_t hosts = 0;
    std::int32_t faulty = 0;  ///< of them
    std::int64_t leaves = 0;  ///< of groups none of which is shown
    std::int32_t group = -1;  ///< whose leaves they all have; -1: of several
    double center = 0;
  };

  std::vector<Host> hosts;
  std::vector<Gap> gaps;
  std::vector<Leaf> leaves;
  Box spine;  ///< without height: there is none
  double width = 0;
  double height = 0;

  static constexpr double margin = 24;
  static constexpr double title = 54;            ///< height of what stands above all
  static constexpr double legend = 40;           ///< and below
  static constexpr double padding = 12;          ///< within a host
  static constexpr std::size_t most_marks = 48;  ///< of GPUs in a row, and of NICs
  static constexpr std::size_t most_faults = 3;  ///< of a host, in words
  static constexpr double fault_line = 13;
};

/// What is a rank: GPUs, or NUMA nodes.
std::vector<NodeId> units_of(const Machine& machine);

ClusterLayout lay_out(const ClusterFacts& facts, const Cluster& cluster);

}  // namespace stretto::topology
