// What each algorithm comes to on a network, as the simulator has it: plans made for all ranks, run, and held to the
// bound. For `stretto simulate`; nothing chooses by it yet. Pure: whoever asks says when it has taken too long.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/routes.hpp"
#include "plan/simulator.hpp"
#include "topology/graph/cluster_network.hpp"

namespace stretto {

struct SimulatedRequest {
  Collective collective = Collective::all_reduce;
  Rank root = -1;
  std::uint64_t block_bytes = 0;
  std::int32_t channels = 0;  ///< 0: as few as use all links that it can; else that many, where they are a multiple
  std::vector<std::int32_t> groups;    ///< as PlanSpec has them
  std::vector<std::int32_t> on_rails;  ///< PlanSpec::rails
  std::vector<std::int32_t> widths;    ///< PlanSpec::widths
  /// What of the network is alike: of many ranks some are then run for all.
  topology::Likeness hosts;
  topology::Likeness rails;
  std::span<const topology::ClusterNetwork::Host> by_host = {};  ///< of several; nothing: no trees within each
};

struct SimulatedRow {
  std::string_view algorithm;
  std::int32_t channels = 0;
  std::string left_out;  ///< why there are no figures; "": there are
  double seconds = 0;
  std::uint64_t slot_bytes = 0;
  std::uint64_t messages = 0;
  std::uint64_t run_steps = 0;  ///< that the simulation has run, for all that they stand for
  struct {
    topology::VertexId from = -1;  ///< -1: nothing was carried
    topology::VertexId to = -1;
  } busiest;             ///< of the links
  double busy_part = 0;  ///< what it carried, by what it could have
};

/// Names of the algorithms that serve the collective.
std::vector<std::string_view> algorithms_for(Collective collective);

/// One of them. Not an error, but said in the row: the algorithm has no plan for so many ranks, channels or slots, the
/// plans would take more memory than they may, or go_on() of the machine ended it.
/// @param network that the machine's routes are of
/// @param way as Routes has it
/// @param slot_bytes from the largest: each is tried until one is slower than that before, and the fastest is given;
///        those of the machine do not count
SimulatedRow simulate_algorithm(std::string_view algorithm, const SimulatedRequest& request,
                                const topology::Network& network, const Routes::Way& way,
                                const SimulatedMachine& machine, std::span<const std::uint64_t> slot_bytes);
/// With the machine's slots.
SimulatedRow simulate_algorithm(std::string_view algorithm, const SimulatedRequest& request,
                                const topology::Network& network, const Routes::Way& way,
                                const SimulatedMachine& machine);

/// By the convention of nccl-tests, whose bytes are those of all blocks that a rank has together: GB/s of 1e9 bytes.
double bus_gigabytes_per_s(Collective collective, std::int32_t n_ranks, std::uint64_t block_bytes, double seconds);

}  // namespace stretto
