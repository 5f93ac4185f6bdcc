// The processes of a run, and how they came to know of one another.
#pragma once

#include <functional>

#include "perf/common/collective.hpp"
#include "perf/common/options.hpp"

namespace stretto::perf {

enum ExitCode : int { kExitOk = 0, kExitWrongValues = 1, kExitUsage = 2, kExitFailure = 3, kExitTimeout = 4 };

struct World {
  int process = 0;
  int n_processes = 1;
  /// Each process is one rank, that the library finds in the launcher's environment.
  bool from_environment = false;
  /// Called once by every process: hands STRETTO_UNIQUE_ID_BYTES of process 0 to all. Unused by a single process.
  std::function<void(char* message)> share;
};

/// Runs this process' ranks, prints if rank 0 is among them, and gives the exit code.
int run_process(const Collective& collective, const Options& options, const World& world);

/// The tool's options, or std::nullopt after printing why there are none; `code` is then the exit code.
std::optional<Options> options_of_main(const Collective& collective, int argc, char** argv, int& code);

}  // namespace stretto::perf
