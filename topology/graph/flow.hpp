// The most that a network can carry, and what all-gather, reduce-scatter and all-reduce can reach on it at most: exact,
// by maximum flows. Pure.
//
// A set of vertices without all ranks must let out what its own ranks give, by the edges that leave it. So with x the
// pace at which each rank's bytes reach all others, x * (ranks in the set) <= capacity of those edges; the least of
// these quotients over all sets is reached by spanning trees (Edmonds 1973; for networks with relays Zhao,
// Krishnamurthy and others, "ForestColl", arXiv 2402.06787, whose search for the least quotient is by bisection: here
// each cut that a flow finds gives the next x, after Dinkelbach 1967, until none is violated).
#pragma once

#include <cstdint>
#include <vector>

#include "topology/graph/network.hpp"

namespace stretto::topology {

struct Flow {
  std::int64_t value = 0;
  /// By vertex: whether it is on the source's side of a least cut.
  std::vector<bool> with_source;
};

/// From `sources` together (as if one vertex fed all of them without limit) to `sink`, which is not among them.
Flow max_flow(const Network& network, const std::vector<VertexId>& sources, VertexId sink);

/// By vertex, of which rank it is behind the narrowest place that parts this rank from all others, the nearest if there
/// are several; -1: of none. Where edges are as wide in both directions no vertex is behind two (least isolating cuts
/// do not cross: Dahlhaus and others 1994); else it is given to the first. A flow for each rank.
std::vector<std::int32_t> isolating_parts(const Network& network);

/// A pace as a fraction: megabytes per second of each rank's bytes, all ranks' at once.
struct Rate {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  /// The set that allows no more, by vertex: its ranks' bytes leave it no faster. Empty: one rank, nothing to do.
  std::vector<bool> bottleneck;

  double megabytes_per_s() const { return static_cast<double>(numerator) / static_cast<double>(denominator); }
};

/// The most at which every rank's block can reach all others at once. 0: some rank cannot reach some other.
/// @param receivers ranks to look at alone, where each other one is as one of them (ClusterNetwork::unlike); empty: all
Rate all_gather_rate(const Network& network, const std::vector<VertexId>& receivers = {});

/// Seconds that an all-reduce of `bytes` takes at least, whatever the plan, where only ranks can sum: the most of
/// - bytes / the least cut that parts ranks, since the sum of either side must get to the other;
/// - 2 (n - 1) bytes / all that ranks can send, since each element takes n - 1 messages to be summed, and n - 1 to be
///   known everywhere.
/// Infinite where ranks are not joined, 0 of one rank.
/// @param others as seen from rank 0, like all_gather_rate's
double all_reduce_least_seconds(const Network& network, std::uint64_t bytes, const std::vector<VertexId>& others = {});

/// The same as the highest "bus bandwidth" (2 (n - 1) / n times bytes by time), in GB/s of 1e9 bytes; 0 of one rank.
double all_reduce_bus_gigabytes_per_s(const Network& network);

}  // namespace stretto::topology
