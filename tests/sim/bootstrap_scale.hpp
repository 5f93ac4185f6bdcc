// Bootstrap and a first gather of n ranks in a world where nothing goes wrong: how long it takes there, and what it
// costs the root, which is rank 0's process with the rendezvous in it. Every rank runs the library's own code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "bootstrap/bootstrap.hpp"
#include "sim/sim_system.hpp"

namespace stretto::sim {

struct ScaleConfig {
  int n_ranks = 1;
  int ranks_per_host = 8;
  std::int64_t delay_ns = 50'000;  ///< of each message
  std::int64_t service_ns = 0;     ///< of a process's CPU for each message, accept and connect
  std::size_t card_bytes = 0;      ///< that each rank gives to the gather; 0: no gather
  bool look_at_all = false;        ///< Rendezvous::poll instead of poll_ready: what that would cost
};

/// What it has cost the root up to a moment.
struct RootCost {
  double seconds = 0;  ///< of simulated time, since all ranks started
  SimTraffic traffic;
  std::int64_t system_calls = 0;
  /// What the code of the library in that process had got from operator new and not given back, at most.
  std::int64_t memory_most_bytes = 0;
};

struct ScaleResult {
  bool all_came = false;      ///< and have their place in the tree, in time
  bool all_gathered = false;  ///< the right cards
  RootCost bootstrap;         ///< when the last rank had its control plane (some may be in the gather by then)
  RootCost gather;            ///< when the last rank had all cards
  Rendezvous::Counts frames;
  std::string trouble;
};

ScaleResult run_at_scale(const ScaleConfig& config);

}  // namespace stretto::sim
