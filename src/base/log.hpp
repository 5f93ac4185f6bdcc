// Logging: one structured line per decision, never per operation. spdlog does the work, in log.cpp only.
#pragma once

#include <string>
#include <string_view>

#include "base/environment.hpp"
#include "base/text.hpp"

namespace stretto {

enum class LogLevel : std::uint8_t { trace, debug, info, warn, error };

/// Applies STRETTO_LOG_LEVEL and STRETTO_LOG_FILE; the first call in a process counts.
void configure_log(const Environment& environment);
bool log_enabled(LogLevel level) noexcept;
/// Writes one line. Thread-safe; never throws.
void log_line(LogLevel level, std::string_view line) noexcept;

template <typename... T>
void log(LogLevel level, fmt::format_string<T...> text, T&&... arguments) {
  if (log_enabled(level)) log_line(level, format_arguments(text, fmt::make_format_args(arguments...)));
}

}  // namespace stretto
