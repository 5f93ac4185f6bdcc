// The constants of this machine in a file: what `stretto tune` writes and communicators read. A file says of which
// hardware it is, and is refused on any other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/environment.hpp"
#include "plan/cost_model.hpp"
#include "planner/device_choice.hpp"

namespace stretto {

struct Tuning {
  std::string hardware;  ///< as topology::hardware_facts has it
  LinkConstants constants;
  int n_ranks = 0;           ///< that measured
  double error_percent = 0;  ///< median of |predicted / measured - 1|, at sizes that were not fitted
  std::optional<PairTimes> pair_times = std::nullopt;  ///< of two GPUs, where there are two and they were measured
};

constexpr std::size_t kMostTuningBytes = 1 << 14;

std::string tuning_to_json(const Tuning& tuning);
/// Throws Error(strettoInvalidArgument) that says what is wrong, without the file's name.
Tuning parse_tuning(std::string_view text);

/// Where this machine's constants are kept: below $XDG_CACHE_HOME/stretto or ~/.cache/stretto, named by the hardware.
/// Nothing where the environment names no such folder.
std::optional<std::string> cached_tuning_path();

/// Makes the folders of the file that are missing (mode 0700), before something is measured that could not be kept.
/// Throws Error(strettoSystemError).
void make_folders_of(const std::string& path);

/// Replaces the file in one step, so that readers see the old one or the new one; makes its folders, too. Throws
/// Error(strettoSystemError).
void write_tuning(const std::string& path, const Tuning& tuning);

/// The constants in force, and where they are from.
struct TuningInForce {
  LinkConstants constants;
  PairTimes pair_times;
  std::string source = "defaults";  ///< or the file's path
  std::string warning;              ///< why a file that is there, or was asked for, is not used; "": nothing to say
};

/// What STRETTO_TUNING_FILE says: "off", a path, or nothing: the cache. Never throws for what a file holds.
TuningInForce tuning_in_force(const Environment& environment);

}  // namespace stretto
