// What `stretto simulate` prints. docs/topology.md explains it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "planner/simulated_choice.hpp"

namespace stretto::cli {

struct SimulationReport {
  std::string where;  ///< the file, or the line
  Collective collective = Collective::all_reduce;
  std::int32_t n_ranks = 0;
  std::int32_t n_hosts = 0;
  std::uint64_t block_bytes = 0;
  double least_seconds = 0;  ///< that no plan can beat
  struct Row {
    SimulatedRow simulated;
    std::string busiest;  ///< "host 0 NIC0 -> leaf 0"; "": no link
  };
  std::vector<Row> rows;
};

/// The fastest first, then those without figures.
void sort_rows(SimulationReport& report);

std::string simulation_to_text(const SimulationReport& report);
std::string simulation_to_json(const SimulationReport& report);

}  // namespace stretto::cli
