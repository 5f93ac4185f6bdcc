// What STRETTO_DEBUG asks for: checks of every operation, at the cost of one more exchange for each (debug_check.hpp).
#pragma once

#include <cstdint>
#include <string_view>

namespace stretto {

struct DebugMode {
  bool checksum = false;   ///< ranks compare what they gave with what they got
  bool nan = false;        ///< NaNs and infinities are reported
  bool nan_error = false;  ///< and are errors

  bool any() const { return checksum || nan; }
  friend bool operator==(const DebugMode&, const DebugMode&) = default;
};

/// "off", or some of "checksum", "nan", "nan-error" and "all" (the first two), separated by commas. Throws
/// Error(strettoInvalidArgument).
DebugMode parse_debug_mode(std::string_view text);

// As ranks tell it to one another.
std::uint8_t encode(const DebugMode& mode) noexcept;
DebugMode decode_debug_mode(std::uint8_t bits) noexcept;

}  // namespace stretto
