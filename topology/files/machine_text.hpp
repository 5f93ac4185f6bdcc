// A machine as people and programs read it. docs/topology.md explains both.
#pragma once

#include <string>
#include <string_view>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// An indented tree; what a GPU has beside it; then how each GPU reaches each other and each network, with a legend.
/// @param title what the machine is called: its file, or its host
std::string machine_to_text(const Machine& machine, std::string_view title);

/// {"host", "nodes", "links", "paths"}; what is not known is not there.
std::string machine_to_json(const Machine& machine);

/// Paths are listed up to this many GPUs and as many networks: they grow with the product.
inline constexpr std::size_t kMostInPaths = 64;

}  // namespace stretto::topology
