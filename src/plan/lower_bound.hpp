// What no plan can beat on a network, for each collective: each cut of the network must let out what has to cross it
// (topology/graph/flow.hpp). Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/collective.hpp"
#include "topology/graph/network.hpp"

namespace stretto {

/// What bounds look at. Less of it makes a bound lower, never wrong.
struct BoundScope {
  std::vector<topology::VertexId> others;  ///< ranks, as seen from rank 0; empty: all
  /// By vertex, its part, or -1: parts that are narrow to the outside (hosts, say), each of them with ranks.
  std::vector<std::vector<std::int32_t>> partitions;
};

/// Seconds that a collective with blocks of `block_bytes` takes at least, whatever the plan, where only ranks can sum.
/// Latencies do not count. Beside the bounds of topology/graph/flow.hpp:
/// - all-reduce over p parts: each element takes p - 1 messages from part to part to be summed, and p - 1 to be known
///   everywhere, so all that parts can let out must carry 2 (p - 1) bytes of each;
/// - all-to-all: what each rank and each part has for all others must get out, and in.
double least_seconds(Collective collective, Rank root, std::uint64_t block_bytes, const topology::Network& network,
                     const BoundScope& scope = {});

}  // namespace stretto
