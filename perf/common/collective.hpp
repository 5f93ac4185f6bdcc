// What a tool measures: one of these per tool, and nothing else, is what tells the tools apart. parts.hpp has what
// several of them are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "perf/common/calls.hpp"
#include "stretto/stretto.h"

namespace stretto::perf {

/// Element counts that follow from a row's size, for n ranks.
struct Shape {
  std::size_t element_bytes;
  std::size_t count;    ///< what the call is given, and the row shows
  std::size_t send;     ///< elements of the send buffer
  std::size_t receive;  ///< elements of the receive buffer
  std::size_t moved;    ///< elements that the algorithm bandwidth counts

  /// That the row shows, as nccl-tests does: of the larger buffer.
  std::size_t bytes() const { return (send > receive ? send : receive) * element_bytes; }
};

/// Of a collective whose pieces differ in size: elements to and from each rank, and where they begin.
struct Pieces {
  std::vector<std::size_t> send_counts, send_offsets, receive_counts, receive_offsets;
};

class RankGpu;

/// One operation, on the buffers of one rank.
struct Call {
  const void* send;
  void* receive;
  std::size_t count;  ///< as the collective's own call counts
  strettoDataType_t type;
  strettoRedOp_t op;
  int root;
  int rank;
  int n_ranks;
  std::size_t element_bytes;
  const Pieces& pieces;    ///< empty, unless the collective has a `piece`
  const Calls& calls;      ///< of the library that is measured
  strettoComm_t comm;      ///< its communicator
  strettoStream_t stream;  ///< null for ranks of host memory
  RankGpu* gpu;            ///< likewise
};

/// An element of a rank's receive buffer.
struct Spot {
  const Shape& shape;
  int n_ranks;
  int rank;
  int root;
  std::size_t index;
};

/// Where a run of elements of the receive buffer comes from.
struct Origin {
  static constexpr int kEveryRank = -1;  ///< the reduction over all ranks
  static constexpr int kUntouched = -2;  ///< the collective does not write them
  int rank;
  std::size_t index;   ///< in the send buffer of that rank (or of each)
  std::size_t length;  ///< of the run
};

/// How the two buffers lie when they are one.
enum class InPlace : std::uint8_t {
  none,              ///< the collective has no such form
  same,              ///< both at its start
  send_own_block,    ///< what is sent is the rank's block of what is received
  receive_own_block  ///< what is received is the rank's block of what is sent
};

struct Collective {
  const char* name = nullptr;
  bool reduces = false;
  bool rooted = false;
  bool same_on_every_rank = false;  ///< the receive buffers, bit for bit
  bool power_of_two = false;        ///< serves only such numbers of ranks
  bool in_rounds = false;           ///< made of calls that use what those before gave: no group can hold it
  InPlace in_place = InPlace::same;
  /// From the elements that fit the row's size.
  Shape (*shape)(std::size_t elements, std::size_t element_bytes, int n_ranks) = nullptr;
  /// Elements that rank `from` sends to rank `to`, where that differs between pairs.
  std::size_t (*piece)(const Shape& shape, int n_ranks, int from, int to) = nullptr;
  Origin (*origin)(const Spot& spot) = nullptr;
  /// Bus bandwidth by algorithm bandwidth.
  double (*bus_factor)(int n_ranks) = nullptr;
  strettoResult_t (*run)(const Call& call) = nullptr;
};

/// The tool's main. There are two, for the linker to choose from: main_local.cpp starts local processes itself, another
/// build is started by MPI.
int run_tool(const Collective& collective, int argc, char** argv);

}  // namespace stretto::perf
