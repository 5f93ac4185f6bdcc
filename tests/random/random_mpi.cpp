// The same random operations by ranks that an MPI started: random_mpi [OPERATIONS [SEED]]. MPI is called at the start
// and at the end only, so that its own waiting takes no core from the ranks between.
#include <mpi.h>

#include <cstdio>
#include <cstdlib>

#include "random/content.hpp"
#include "random/player.hpp"
#include "stretto/stretto_mpi.h"

namespace {

std::uint64_t seed_of(int argc, char** argv) {
  const char* const asked = std::getenv("STRETTO_TEST_SEED");
  if (asked != nullptr) return std::strtoull(asked, nullptr, 10);
  return argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 20261121;
}

std::size_t run(const stretto::script::Episode& episode, int rank) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = stretto::script::algorithm_of(episode);
  strettoComm_t comm = nullptr;
  if (strettoCommInitMpi(&comm, MPI_COMM_WORLD, &config) != strettoSuccess) {
    throw stretto::script::Mismatch(strettoGetLastError(nullptr));
  }
  const std::size_t operations = stretto::script::play(episode, comm, rank);
  if (strettoCommDestroy(comm) != strettoSuccess) throw stretto::script::Mismatch(strettoGetLastError(nullptr));
  return operations;
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int rank = 0;
  stretto::script::Episode episode;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &episode.n);
  episode.seed = seed_of(argc, argv);
  if (argc > 1) episode.operations = std::strtoull(argv[1], nullptr, 10);
  try {
    const std::size_t operations = run(episode, rank);
    if (rank == 0) {
      std::printf("%zu operations by %d ranks equal the oracle (seed %llu)\n", operations, episode.n,
                  static_cast<unsigned long long>(episode.seed));
    }
  } catch (const stretto::script::Mismatch& mismatch) {
    std::fprintf(stderr, "%s\nSTRETTO_TEST_SEED=%llu plays it again\n", mismatch.what(),
                 static_cast<unsigned long long>(episode.seed));
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  MPI_Finalize();
  return 0;
}
