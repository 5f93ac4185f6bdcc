// The one place that opens files of topologies, and of plans.
#pragma once

#include <string>
#include <string_view>

namespace stretto::topology {

/// All of a regular file of at most XmlLimits::bytes. Throws Error(strettoInvalidArgument) naming the file, the reason
/// and what to do. Does not wait: not for a pipe, either.
/// @param what it is, for messages
std::string read_file(const std::string& path, std::string_view what = "topology file");

}  // namespace stretto::topology
