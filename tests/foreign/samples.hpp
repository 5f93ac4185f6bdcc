// Plans as MSCCL and MSCCL++ write them, made here for any number of ranks.
#pragma once

#include <string>
#include <vector>

#include "plan/collective.hpp"

namespace stretto::foreign {

struct Sample {
  const char* name;  ///< and of its file in plans/, with `ranks_in_file` ranks
  std::string (*make)(int n_ranks);
  Collective collective;
  int least_ranks;
  int ranks_in_file;
  bool is_xml;
};

/// Of XML only where this build reads it.
const std::vector<Sample>& samples();

// MSCCL: a ring in one threadblock; all pairs, with scratch and threadblocks that wait for one another; a ring on two
// channels, out of place; all pairs.
std::string ring_all_reduce_xml(int n_ranks);
std::string pairs_all_reduce_xml(int n_ranks);
std::string ring_all_gather_xml(int n_ranks);
std::string pairs_all_to_all_xml(int n_ranks);
// MSCCL++: a ring that puts over ports; packets; puts of one threadblock that another one announces; reading the peers,
// two threadblocks a half of each chunk; through a pipeline.
std::string ring_all_reduce_json(int n_ranks);
std::string packets_all_reduce_json(int n_ranks);
std::string pairs_all_gather_json(int n_ranks);
std::string reading_reduce_scatter_json(int n_ranks);
std::string pairs_all_to_all_json(int n_ranks);

}  // namespace stretto::foreign
