// One rank's way through an episode: a seed decides calls, groups and splits, the same on every rank, and how each rank
// makes them (in place, alignment, streams, order within groups). Every result is checked against the oracle.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <stdexcept>
#include <string>

#include "random/job.hpp"

namespace stretto::script {

/// What went wrong: seed, ranks, step, call.
class Mismatch : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Episode {
  std::uint64_t seed = 0;
  int n = 1;
  std::size_t operations = 100;  ///< at least; those in splits come on top
};

/// The ranks that STRETTO_TEST_SEED's episode has where the test decides: 1 to 8.
int ranks_of(std::uint64_t seed);
/// "ring", ..., or nullptr: what the episode's communicator is forced to.
const char* algorithm_of(const Episode& episode);

/// Plays it to its end on `comm`. Returns the operations that this rank took part in. Throws Mismatch.
std::size_t play(const Episode& episode, strettoComm_t comm, int rank);

}  // namespace stretto::script
