// What a PCI function is to stretto, by its class and vendor: the one place that decides it, for probes and for files
// that say no more of it.
#pragma once

#include <cstdint>
#include <optional>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

enum class PciKind : std::uint8_t { bridge, gpu, nic, nv_switch };

/// Nothing: of no interest by itself. A GPU is one for computing.
std::optional<PciKind> kind_of_function(const PciFunction& pci);

}  // namespace stretto::topology
