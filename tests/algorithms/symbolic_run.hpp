// Runs the programs of all ranks on symbols instead of numbers: a chunk's value is how often each rank's input is in
// it. Strands advance in random order; slots may be aliases of the memory that they were filled from, and the output
// may be the input. A small, independent reading of plan/plan.hpp, for tests of algorithms.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "algorithms/catalogue.hpp"

namespace stretto::testing {

struct RunOptions {
  std::uint32_t slots = 1;
  bool in_place = false;
  bool aliased = false;  ///< put keeps an alias instead of a copy, until released
  int rounds = 2;        ///< each with chunks of its own
  std::uint64_t seed = 1;
};

/// "" if every rank ends with the result that the collective promises; else what went wrong.
std::string run_symbolically(const PlanSpec& spec, const RunOptions& options);

}  // namespace stretto::testing
