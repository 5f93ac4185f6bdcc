// NCCL's variables that stretto has none of its own for.
#include <charconv>

#include "base/text.hpp"
#include "frontends/nccl/environment.hpp"

namespace stretto::nccl {
namespace {

std::optional<int> number_in(std::string_view value, int least, int most) {
  int number = 0;
  const auto [end, trouble] = std::from_chars(value.data(), value.data() + value.size(), number);
  const bool whole = trouble == std::errc() && end == value.data() + value.size();
  return whole && number >= least && number <= most ? std::optional(number) : std::nullopt;
}

Line number_line(std::string_view name, std::string_view field, const std::optional<int>& number, const char* choices) {
  if (!number) return {LogLevel::warn, format("{} takes {}", name, choices)};
  return {LogLevel::info, format("as {}={} of ncclConfig_t, where the program leaves it open", field, *number)};
}

}  // namespace

std::optional<Line> take_default(std::string_view name, std::string_view value, Defaults& defaults) {
  if (name == "NCCL_COMM_BLOCKING") {
    defaults.blocking = number_in(value, 0, 1);
    return number_line(name, "blocking", defaults.blocking, "0 or 1");
  }
  if (name == "NCCL_MAX_CTAS") {
    defaults.max_ctas = number_in(value, 1, INT32_MAX);
    return number_line(name, "maxCTAs", defaults.max_ctas, "a number from 1");
  }
  if (name == "NCCL_COMM_ID") {
    defaults.comm_id = value;
    return Line{LogLevel::info,
                "ids are made of it: ranks meet under it on this host, and nothing listens at its port"};
  }
  return std::nullopt;
}

}  // namespace stretto::nccl
