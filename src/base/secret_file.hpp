// The file that STRETTO_SECRET_FILE names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stretto {

/// Its content without line ends at the end, 16 to 4096 bytes. Throws Error(strettoInvalidArgument, field
/// "STRETTO_SECRET_FILE") unless it is a regular file of the user that this process runs as, which nobody else may read
/// or write.
std::vector<std::byte> read_secret_file(const std::string& path);

}  // namespace stretto
