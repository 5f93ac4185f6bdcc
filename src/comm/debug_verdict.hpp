// What the reports of all ranks say together. Pure, so that every rank comes to the same verdict.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "comm/debug_report.hpp"

namespace stretto {

struct DebugFinding {
  std::string text;
  Rank rank = -1;  ///< whose memory it is about, if that can be told
};

/// A checksum that is not what another one says it must be; the cause first: an input that changed meanwhile.
/// @param reports by rank  @param operation its number
std::optional<DebugFinding> find_mismatch(const DebugCase& of, std::span<const DebugReport> reports,
                                          std::int64_t operation);

/// Where NaNs or infinities came from: the first rank whose input has some; or, if no input has any, the first whose
/// result does.
struct SpecialFinding {
  Rank rank = -1;
  bool in_result = false;
  SpecialValues values;
  int n_ranks = 0;  ///< that have some
};
std::optional<SpecialFinding> find_special_values(std::span<const DebugReport> reports);
std::string describe(const SpecialFinding& found, std::string_view collective, std::int64_t operation);

/// A message between a pair that is not what was sent.
std::string describe_message(Rank from, Rank to, std::uint64_t sent, std::uint64_t received);
/// An input that changed during its operation.
std::string describe_change(Rank rank, std::string_view block, std::string_view collective, std::int64_t operation,
                            std::uint64_t before, std::uint64_t after);

}  // namespace stretto
