#define FMT_HEADER_ONLY 1  // in this file only
#include "base/text.hpp"

#include <fmt/format.h>

namespace stretto {

std::string format_arguments(fmt::string_view text, fmt::format_args arguments) {
  return fmt::vformat(text, arguments);
}

}  // namespace stretto
