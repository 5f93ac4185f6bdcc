// What a link carries at most, in one direction, where nothing better is known than what it is.
#pragma once

#include <optional>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// 1e9 bytes a second, of the payload and the packets' headers: the rate of a lane less its line code, times the lanes.
/// Source: PCI Express Base Specification: 8b/10b up to 5 GT/s, 128b/130b from 8 GT/s, and from 64 GT/s flits of 256
/// bytes, of which 14 are for error correction. Absent: the file or the system does not say both of rate and lanes.
std::optional<double> pcie_gigabytes_per_s(const PciFunction& pci);

}  // namespace stretto::topology
