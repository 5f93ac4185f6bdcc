// run_tool for perf tools that MPI starts: ranks = processes x threads, as with nccl-tests built for MPI. The tools
// that are installed need no MPI; this build of theirs is for tests and comparisons.
#include <mpi.h>

#include <cstdio>

#include "perf/common/world.hpp"

namespace stretto::perf {

int run_tool(const Collective& collective, int argc, char** argv) {
  MPI_Init(&argc, &argv);
  World world;
  MPI_Comm_rank(MPI_COMM_WORLD, &world.process);
  MPI_Comm_size(MPI_COMM_WORLD, &world.n_processes);
  world.share = [](char* message) { MPI_Bcast(message, STRETTO_UNIQUE_ID_BYTES, MPI_BYTE, 0, MPI_COMM_WORLD); };
  int code = kExitOk;
  const std::optional<Options> options = options_of_main(collective, argc, argv, code);
  if (options && options->processes != 0) {
    std::fputs("--ranks: MPI has started the processes already\n", stderr);
    code = kExitUsage;
  } else if (options) {
    code = run_process(collective, *options, world);
  }
  // Ranks that wait for one that failed are ended with it.
  if (code > kExitUsage) MPI_Abort(MPI_COMM_WORLD, code);
  MPI_Finalize();
  return code;
}

}  // namespace stretto::perf
