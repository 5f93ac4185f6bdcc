// The one place that opens topology files.
#pragma once

#include <string>

namespace stretto::topology {

/// All of a regular file of at most XmlLimits::bytes. Throws Error(strettoInvalidArgument) naming the file, the reason
/// and what to do. Does not wait: not for a pipe, either.
std::string read_file(const std::string& path);

}  // namespace stretto::topology
