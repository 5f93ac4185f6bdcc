// Who this process is, as a launcher told it by environment variables: a pure function of them. Nothing in them is a
// secret, and nothing is proved by them; bootstrap/meeting.hpp and STRETTO_SECRET_FILE are for that.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace stretto {

using Variables = std::map<std::string, std::string>;

/// Whether all ranks are on one host, as far as the launcher says.
enum class Spread : std::uint8_t { one_host, several_hosts, not_said };

struct Launch {
  std::string_view launcher;  ///< as STRETTO_LAUNCHER names it
  Rank rank = 0;
  int n_ranks = 1;
  std::string_view rank_variable;  ///< which said so
  std::string_view size_variable;
  Spread spread = Spread::not_said;
  /// What tells this job from the launcher's others, as NAME=value: equal on all ranks.
  std::vector<std::string> job;
  /// The same, where it is equal on the ranks of one host only.
  std::vector<std::string> job_on_host;
  /// Not empty: beside that, the launcher's own process tells this job from others on its host. It is the nearest
  /// ancestor whose environment does not have this variable.
  std::string_view launchers_mark;
};

/// @param wanted the launcher (STRETTO_LAUNCHER), or "": the innermost, which is the first of this order that speaks:
///   torchrun, open_mpi, mpich, env (RANK and WORLD_SIZE by whomever), slurm
/// Throws Error naming the variable: none found, one missing, not a number, out of range, contradicting another.
Launch read_launch(const Variables& variables, std::string_view wanted);

/// "the 4 ranks that open_mpi started (PMIX_NAMESPACE=1269694465)"
std::string job_text(const Launch& launch);

}  // namespace stretto
