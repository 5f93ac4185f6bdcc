// How a GPU reaches another one, or a network, in the words that the field has for it (nvidia-smi topo, NCCL's logs).
// A class, not a speed: what is between them, not what it carries.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// The nearest first.
enum class PathKind : std::uint8_t {
  self,
  nvlink,  ///< directly, or through NVSwitches
  xgmi,
  pix,  ///< one PCI bridge between them
  pxb,  ///< several PCI bridges, but no processor
  phb,  ///< the processor of their NUMA node
  sys,  ///< processors of two NUMA nodes
};

struct Path {
  PathKind kind = PathKind::sys;
  std::int64_t links = 0;  ///< side by side, of nvlink and xgmi

  bool operator==(const Path&) const = default;
};

/// From each GPU (in the order of machine.gpus()) to each of `ends`, GPUs or networks.
std::vector<std::vector<Path>> paths_from_gpus(const Machine& machine, const std::vector<NodeId>& ends);

/// "X", "NV18", "XG2", "PIX", "PXB", "PHB", "SYS".
std::string to_string(const Path& path);

}  // namespace stretto::topology
