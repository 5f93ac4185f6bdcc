// A part of forest.hpp: capacities in whole units between vertices, and the rule that all of every rank's units can
// reach every rank, which taking out relays must keep.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "topology/graph/forest.hpp"

namespace stretto::topology {

class UnitGraph {
 public:
  /// floor(capacity * units_per_megabyte) of each pair of vertices, parallel edges together.
  UnitGraph(const Network& network, double units_per_megabyte);

  /// Whether so many units of each rank, by rank, can reach all ranks at once.
  bool carries(const std::vector<std::int64_t>& units) const;
  /// Takes all relays out, as far as those units still reach all; afterwards edges join ranks only.
  void remove_relays(const std::vector<std::int64_t>& units);
  /// Keeps units of the edges along the vertices, both ways, for something else. False: there are not as many.
  bool keep(const std::vector<VertexId>& vertices, std::int64_t units);

  std::int64_t units(VertexId from, VertexId to) const;
  /// The vertices with an edge from `from`, ascending.
  std::vector<VertexId> heads(VertexId from) const;
  std::vector<VertexId> tails(VertexId to) const;
  /// Takes so many units of an edge away, and says which way they go.
  std::vector<Route> take(VertexId from, VertexId to, std::int64_t units);

  int n_vertices() const { return n_vertices_; }
  const std::vector<VertexId>& ranks() const { return ranks_; }

 private:
  void put(VertexId from, VertexId to, const Route& route);
  void remove(VertexId relay, const std::vector<std::int64_t>& of_ranks);
  bool empty_edge(VertexId relay, VertexId to, const std::vector<std::int64_t>& of_ranks);
  std::int64_t splittable(VertexId from, VertexId relay, VertexId to, const std::vector<std::int64_t>& of_ranks) const;
  void split(VertexId from, VertexId relay, VertexId to, std::int64_t units);

  int n_vertices_;
  std::vector<VertexId> ranks_;
  std::vector<VertexId> relays_;
  /// By vertex and vertex: nowhere without units.
  std::vector<std::map<VertexId, std::vector<Route>>> edges_;
};

}  // namespace stretto::topology
