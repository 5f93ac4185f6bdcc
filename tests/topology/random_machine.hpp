// Machines of any shape, for tests: the same seed gives the same one.
#pragma once

#include <cstdint>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// In the order that a file gives its parts: networks before other children of their NIC, the switches that are known
/// by links alone at the end, links by their GPUs.
Machine random_machine(std::uint64_t seed);

}  // namespace stretto::topology
