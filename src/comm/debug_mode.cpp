#include "comm/debug_mode.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {

DebugMode parse_debug_mode(std::string_view text) {
  DebugMode mode;
  if (text.empty() || text == "off") return mode;
  for (std::string_view left = text;;) {
    const std::size_t comma = std::min(left.find(','), left.size());
    const std::string_view word = left.substr(0, comma);
    if (word == "checksum") {
      mode.checksum = true;
    } else if (word == "nan") {
      mode.nan = true;
    } else if (word == "nan-error") {
      mode.nan = mode.nan_error = true;
    } else if (word == "all") {
      mode.checksum = mode.nan = true;
    } else {
      throw Error(
          strettoInvalidArgument,
          format("STRETTO_DEBUG={}: must be off, or some of checksum, nan, nan-error and all, separated by commas",
                 text),
          "STRETTO_DEBUG");
    }
    if (comma == left.size()) return mode;
    left.remove_prefix(comma + 1);
  }
}

std::uint8_t encode(const DebugMode& mode) noexcept {
  return static_cast<std::uint8_t>((mode.checksum ? 1 : 0) | (mode.nan ? 2 : 0) | (mode.nan_error ? 4 : 0));
}

DebugMode decode_debug_mode(std::uint8_t bits) noexcept { return {(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0}; }

}  // namespace stretto
