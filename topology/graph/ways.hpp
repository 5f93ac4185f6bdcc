// The way that a message takes from vertex to vertex if nobody says another. Pure.
#pragma once

#include <vector>

#include "topology/graph/network.hpp"

namespace stretto::topology {

class Ways {
 public:
  /// The network must live as long.
  explicit Ways(const Network& network);

  /// From the first to the last vertex: one with the fewest edges, of those the one whose narrowest place is widest.
  /// Other ranks pass nothing on. Throws Error(strettoInvalidArgument) where there is none.
  std::vector<VertexId> shortest(VertexId from, VertexId to) const;
  /// Edges from `from` to all others on such ways; negative where there is none.
  std::vector<int> distances(VertexId from) const;

 private:
  struct Arc {
    VertexId to;
    std::int64_t megabytes_per_s;  ///< of parallel edges together
  };
  struct Best {
    int distance = -1;
    std::int64_t width = 0;
    VertexId before = -1;
  };

  /// @param until ends there, if it is a vertex
  std::vector<Best> search(VertexId from, VertexId until) const;

  const Network& network_;
  std::vector<std::vector<Arc>> out_;  ///< by vertex
};

}  // namespace stretto::topology
