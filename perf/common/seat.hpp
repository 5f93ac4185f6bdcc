// A rank of this process with all that it has, and how the ranks of a thread are made.
#pragma once

#include <memory>
#include <vector>

#include "perf/common/gpu.hpp"
#include "perf/common/nccl.hpp"
#include "perf/common/options.hpp"
#include "perf/common/rank_buffer.hpp"
#include "perf/common/world.hpp"
#include "stretto/stretto.hpp"

namespace stretto::perf {

struct Seat {
  int rank = 0;
  std::unique_ptr<RankGpu> gpu;  ///< null: a rank of host memory
  Communicator comm;             ///< whose operations are measured
  NcclCommunicator nccl;         ///< on the same GPU, with --compare
  std::unique_ptr<RankBuffer> send;
  std::unique_ptr<RankBuffer> receive;
};

/// The ranks that one thread drives: one of host memory, or some on GPUs.
struct Seats {
  std::vector<Seat> seats;
  /// For the tool's own figures where the ranks are on GPUs: of host memory, with one rank for each thread. Without it,
  /// they travel by the one seat's communicator.
  Communicator figures;
  int n_ranks = 0;
  /// Device memory that the first seat's communicator took.
  std::uint64_t communicator_bytes = 0;
};

/// Joins thread `thread` of this process' ranks. `id` is the run's.
Seats take_seats(const Options& options, const World& world, const strettoUniqueId& id, int thread);

/// Why the run cannot be on the GPUs that the options ask for; empty if it can, or asks for none.
std::string gpu_obstacle(const Options& options);

}  // namespace stretto::perf
