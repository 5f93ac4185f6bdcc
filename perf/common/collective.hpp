// What a tool measures: one of these per tool, and nothing else, is what tells the tools apart.
#pragma once

#include <cstddef>

#include "stretto/stretto.h"

namespace stretto::perf {

/// One operation, on the buffers of one rank.
struct Call {
  const void* send;
  void* receive;
  std::size_t count;  ///< as the collective's own call counts
  strettoDataType_t type;
  strettoRedOp_t op;
  int root;
  strettoComm_t comm;
};

/// Element counts that follow from a row's size, for n ranks.
struct Shape {
  std::size_t count;    ///< what the call is given
  std::size_t send;     ///< elements of the send buffer
  std::size_t receive;  ///< elements of the receive buffer
  std::size_t size;     ///< elements that the row's size (and its bandwidth) counts
};

/// Where a run of elements of the receive buffer comes from.
struct Origin {
  static constexpr int kEveryRank = -1;  ///< the reduction over all ranks
  static constexpr int kUntouched = -2;  ///< the collective does not write them
  int rank;
  std::size_t index;   ///< in the send buffer of that rank (or of each)
  std::size_t length;  ///< of the run
};

struct Collective {
  const char* name;
  bool reduces;
  bool rooted;
  bool same_on_every_rank;  ///< the receive buffers, bit for bit
  /// From the elements that fit the row's size.
  Shape (*shape)(std::size_t elements, int n_ranks);
  /// Elements from the start of the in-place buffer to where send and receive lie in it.
  std::size_t (*in_place_send)(const Shape& shape, int rank, int root);
  std::size_t (*in_place_receive)(const Shape& shape, int rank, int root);
  /// Of receive element `index` of `rank`.
  Origin (*origin)(const Shape& shape, int n_ranks, int rank, int root, std::size_t index);
  /// Bus bandwidth by algorithm bandwidth.
  double (*bus_factor)(int n_ranks);
  strettoResult_t (*run)(const Call& call);
};

/// The tool's main. There are two, for the linker to choose from: main_local.cpp starts local processes itself, another
/// build is started by MPI.
int run_tool(const Collective& collective, int argc, char** argv);

}  // namespace stretto::perf
