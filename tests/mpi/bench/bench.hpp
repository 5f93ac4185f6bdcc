// One benchmark of collectives for several libraries: what is asked, how it is timed and what is right are written
// once, here; a library only says how it carries an operation out. perf/compare_mpi.py runs them against one another.
//
// Sizes are nccl-tests': bytes of the larger of a rank's two buffers, in 4-byte floats, at least one for each block.
// The v-forms have blocks of one and a half times and of half that size, by turns. Nothing is in place; rank 0 is the
// root.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace stretto::bench {

enum class Collective {
  all_reduce,
  all_gather,
  all_gather_v,
  reduce_scatter,
  reduce_scatter_v,
  broadcast,
  reduce,
  all_to_all,
  all_to_all_v,
  gather,
  scatter,
  send_recv,  ///< to the next rank, from the one before, around
  barrier
};

const char* name_of(Collective collective);

/// One rank's part of an operation, in floats.
struct Operation {
  Collective collective = Collective::all_reduce;
  int rank = 0;
  int n_ranks = 1;
  std::size_t count = 0;  ///< of a block, or of all where there are no blocks
  /// To each rank, and where it begins in the send buffer; of the v-forms, and of what they need only.
  std::vector<std::size_t> send_counts, send_offsets;
  std::vector<std::size_t> receive_counts, receive_offsets;  ///< from each rank
  std::size_t send_elements = 0, receive_elements = 0;
  const float* send = nullptr;
  float* receive = nullptr;

  int next() const { return (rank + 1) % n_ranks; }
  int previous() const { return (rank + n_ranks - 1) % n_ranks; }
};

class Library {
 public:
  virtual ~Library() = default;
  virtual int rank() const = 0;
  virtual int n_ranks() const = 0;
  /// The function carries the operation out, as often as it is called. The operation outlives it.
  virtual std::function<void()> prepare(const Operation& operation) = 0;
  /// The largest over ranks, for all: a small all-reduce.
  virtual double largest(double value) = 0;
};

/// What is left of the command line: COLLECTIVES (names, commas between, or all), SIZES (bytes, commas between), the
/// SECONDS that a measurement takes, about, and perhaps "apart".
/// Rank 0 prints a line "collective bytes microseconds iterations" for each: the slowest rank's mean, after a warm-up,
/// of operations one after the other; or apart, each after all ranks have met, which is not timed. One after the other,
/// a rank that only sends may run ahead: for such collectives that is a rate of messages, and apart is the latency.
/// Returns the exit code: 1 if a rank got a wrong value, 2 for a bad command line.
int run(Library& library, const std::vector<std::string>& arguments);

}  // namespace stretto::bench
