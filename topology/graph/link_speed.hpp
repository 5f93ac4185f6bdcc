// What a link can carry if nobody says: its data rate in one direction, before protocols take their part. Each number
// has its source; none of them is a measurement.
#pragma once

#include <cstdint>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// 1e6 bytes per second in one direction, of a PCI function's link to its parent; where its rate or its lanes are not
/// known, as of 16 lanes of the third generation.
std::int64_t pci_megabytes_per_s(const PciFunction& function);

/// Of all links of `link` together, in its direction.
std::int64_t link_megabytes_per_s(const Link& link, const Machine& machine);

/// Between two NUMA nodes: of one package, or of two.
std::int64_t between_numa_megabytes_per_s(const NumaNode& a, const NumaNode& b);

/// Between a NUMA node that is a rank itself, of a host without GPUs, and its memory.
std::int64_t memory_megabytes_per_s();

}  // namespace stretto::topology
