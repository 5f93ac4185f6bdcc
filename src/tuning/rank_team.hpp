// Ranks that are threads of this process, each with its communicator and buffers, and what they time together.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/collective.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// What the ranks of a team give and get, one after another's turn; teams that do not work at once may share it.
struct TeamBuffers {
  /// @param most_bytes of a block of any operation
  /// Throws Error where the machine has not as much to spare.
  TeamBuffers(int n_ranks, std::uint64_t most_bytes);

  std::vector<std::vector<std::byte>> inputs;
  std::vector<std::vector<std::byte>> outputs;
};

class RankTeam {
 public:
  /// @param buffers must live as long
  /// Throws Error with what a communicator says.
  RankTeam(std::string_view algorithm, int n_ranks, TeamBuffers& buffers);
  ~RankTeam();
  RankTeam(const RankTeam&) = delete;
  RankTeam& operator=(const RankTeam&) = delete;

  std::size_t n_ranks() const { return seats_.size(); }
  /// All ranks do `batches` times `per_batch` operations of `block_bytes` each, of 4-byte numbers if those divide it.
  /// The root of a broadcast is the rank that the one before reached last, mostly: one that stayed root would run
  /// ahead, and nobody would wait for a message. Gives for each batch the time of an operation, in picoseconds, of the
  /// slowest rank. Throws Error.
  std::vector<double> run(Collective collective, std::uint64_t block_bytes, std::size_t per_batch, std::size_t batches);

 private:
  struct Seat {
    strettoComm_t comm = nullptr;
    const std::byte* input = nullptr;
    std::byte* output = nullptr;
    std::vector<double> times_ps;
    std::string error;
    std::uint64_t calls = 0;  ///< of all runs, as many on every rank
  };

  static strettoResult_t call(Seat& seat, Collective collective, std::uint64_t block_bytes, int root);
  /// The next one's is the rank before it, round and round: in a ring, and in most trees, the last to be reached.
  int root_of(std::uint64_t call) const;
  void work(Seat& seat, Collective collective, std::uint64_t block_bytes, std::size_t per_batch);
  void leave();

  std::vector<Seat> seats_;
};

}  // namespace stretto
