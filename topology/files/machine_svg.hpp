// A machine as a picture: SVG text, without scripts, fonts or anything else from outside.
#pragma once

#include <string>
#include <string_view>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// @param title what the machine is called: its file, or its host
std::string machine_to_svg(const Machine& machine, std::string_view title);

}  // namespace stretto::topology
