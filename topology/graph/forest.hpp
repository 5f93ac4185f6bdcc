// Spanning trees that use a network as well as it can be used: every rank's block travels along trees that begin at
// that rank and reach all others, and all trees together load no edge beyond its capacity. What all-gather sends along
// them, reduce-scatter gathers against them; an all-reduce does the one after the other. Pure.
//
// By "ForestColl" (Zhao, Krishnamurthy and others, arXiv 2402.06787), which stands on Edmonds' theorem of disjoint
// branchings (1973): capacities are counted in units that leave room for k trees of one unit per rank; relays are taken
// out one by one, each pair of an edge in and an edge out made one edge as far as no cut becomes too small
// (Bang-Jensen, Frank and Jackson 1995); and in the graph of ranks that is left, trees grow edge by edge, as far as the
// rest of them can still be completed (Berczi and Frank 2010).
#pragma once

#include <cstdint>
#include <vector>

#include "topology/graph/flow.hpp"
#include "topology/graph/network.hpp"

namespace stretto::topology {

/// Some of the units of an edge between ranks, and the vertices they pass: from the one rank to the other.
struct Route {
  std::int64_t units = 0;
  std::vector<VertexId> vertices;
};

struct TreeEdge {
  std::int32_t from = 0;  ///< ranks
  std::int32_t to = 0;
  std::vector<Route> routes;  ///< units add up to the tree's
};

struct Tree {
  std::int32_t root = 0;        ///< rank
  std::int64_t units = 0;       ///< as many trees of one unit, all alike
  std::vector<TreeEdge> edges;  ///< a rank is reached before it is passed on from
};

struct Forest {
  std::int64_t units_per_root = 0;  ///< of the trees of each root together: k
  double unit_megabytes_per_s = 0;  ///< what a unit of capacity carries
  std::vector<Tree> trees;          ///< by root

  /// The pace of each rank's block, if all trees carry at once.
  double rate_megabytes_per_s() const { return static_cast<double>(units_per_root) * unit_megabytes_per_s; }
};

struct ForestLimits {
  /// Most trees of one unit per root. The best pace may need more; then it is the best that these allow.
  std::int64_t units_per_root = 8;
};

/// Trees for a network in which every rank can reach every other. Edges whose two directions differ are used as far as
/// the slower of them. Made for one host: taking a relay out costs a maximum flow for each rank and each pair of its
/// edges, so 8 ranks take milliseconds, 16 of two hosts a second, and 32 many. Throws Error(strettoInvalidArgument)
/// where some rank is not joined; no trees for one rank.
Forest pack_trees(const Network& network, const ForestLimits& limits = {});

/// The same where one rank alone has a block for all, as in a broadcast.
Forest pack_trees_of(const Network& network, std::int32_t root, const ForestLimits& limits = {});

/// A rank by which a host's trees go on to other hosts.
struct Gate {
  std::int32_t rank = 0;
  std::int64_t units = 0;            ///< of the trees that begin there
  std::vector<VertexId> way_out;     ///< from the rank to its NIC
  std::int64_t megabytes_per_s = 1;  ///< that the NIC's port carries for it
};

struct HostTrees {
  double unit_megabytes_per_s = 0;
  std::vector<Tree> trees;  ///< by root
};

/// Trees of one host that are parts of larger ones, along which an all-reduce sums and hands down: each unit's root is
/// joined with those of other hosts, in a tree of hosts, so that an average one sends and gets twice by its way out.
/// What that takes of links that trees share with it (a GPU's and a NIC's one way to the processor) is kept for it. The
/// units are as large as all that leaves room for, and no larger than what the ports carry.
HostTrees pack_host_trees(const Network& network, const std::vector<Gate>& gates, std::int64_t n_hosts);

}  // namespace stretto::topology
