// What carries bytes, as a directed graph with capacities: ranks, the relays between them (switches, bridges, NUMA
// nodes, NICs), and edges. Bounds, plans for uneven machines, and the simulator of flows work on this. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// Index of a vertex.
using VertexId = std::int32_t;

struct Vertex {
  std::string name;        ///< for pictures and explanations
  std::int32_t rank = -1;  ///< negative: a relay, which passes bytes on and has none of its own
  NodeId node = kNoNode;   ///< of the machine, if it is one of its nodes
};

/// One direction. 1e6 bytes, so that sums and products of capacities are exact in integers.
struct Edge {
  VertexId from = 0;
  VertexId to = 0;
  std::int64_t megabytes_per_s = 0;
};

class Network {
 public:
  VertexId add_rank(std::string name, NodeId node = kNoNode);
  VertexId add_relay(std::string name, NodeId node = kNoNode);
  /// Capacities of parallel edges add up when they are asked for as one. Nothing is added where there is none.
  void add_edge(VertexId from, VertexId to, std::int64_t megabytes_per_s);
  void add_both_ways(VertexId a, VertexId b, std::int64_t megabytes_per_s);

  int n_vertices() const { return static_cast<int>(vertices_.size()); }
  int n_ranks() const { return static_cast<int>(ranks_.size()); }
  const Vertex& vertex(VertexId id) const { return vertices_[static_cast<std::size_t>(id)]; }
  const std::vector<Edge>& edges() const { return edges_; }
  /// The vertices of the ranks, by rank.
  const std::vector<VertexId>& ranks() const { return ranks_; }
  /// Each edge turned round: what can be gathered over it, the other can reduce and scatter.
  Network reversed() const;

 private:
  std::vector<Vertex> vertices_;
  std::vector<Edge> edges_;
  std::vector<VertexId> ranks_;
};

/// The GPUs of a machine, in the order of its nodes, each a rank, with all that can carry bytes between them: links
/// beside the tree, the PCI tree, and NUMA nodes, each joined with each other. A link that says nothing of its speed
/// has what its kind is made for (link_speed.hpp).
Network network_of(const Machine& machine);

/// Adds the same of a machine to a network, of those nodes that `takes_part` is true of, and says the vertex of each
/// node, -1 where it has none. NICs may take part, networks may not: where they lead is not the machine's to say.
/// @param named what a node is called
std::vector<VertexId> add_machine(Network& network, const Machine& machine,
                                  const std::function<bool(NodeId)>& takes_part,
                                  const std::function<std::string(NodeId)>& named);

}  // namespace stretto::topology
