// Formatting of messages: fmt's syntax, checked at compile time. Include this, not <fmt/...>: fmt's implementation is
// compiled once, in text.cpp (Debian ships no static libfmt, and a shared one would burden whoever links libstretto).
#pragma once

#include <fmt/core.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace stretto {

/// Levenshtein distance: how many letters must change to get from one to the other.
std::size_t edit_distance(std::string_view a, std::string_view b);

std::string format_arguments(fmt::string_view text, fmt::format_args arguments);

/// format("{} of {}", a, b). An object, so that no lookup by arguments finds std::format beside it.
struct Format {
  template <typename... T>
  std::string operator()(fmt::format_string<T...> text, T&&... arguments) const {
    return format_arguments(text, fmt::make_format_args(arguments...));
  }
};
inline constexpr Format format;

}  // namespace stretto
