#include "algorithms/forest/packed.hpp"

#include <algorithm>
#include <set>
#include <tuple>

namespace stretto::forest {

const std::vector<topology::VertexId>& way_of(const topology::TreeEdge& edge, std::int64_t unit) {
  for (const topology::Route& route : edge.routes) {
    if (unit < route.units) return route.vertices;
    unit -= route.units;
  }
  STRETTO_ASSERT(!"a tree's edge has as many units as the tree");
  return edge.routes.front().vertices;
}

PackedTrees packed_trees(const topology::Forest& forest, Collective collective, std::int32_t n_ranks,
                         std::int32_t repeat) {
  const auto units = static_cast<std::int32_t>(forest.units_per_root);
  const auto n = static_cast<std::size_t>(n_ranks);
  const bool lone = collective == Collective::all_reduce;
  PackedTrees packed;
  packed.channels = (lone ? units * n_ranks : units) * repeat;
  packed.parents.assign(static_cast<std::size_t>(packed.channels) * (lone ? n : n * n), -1);
  std::vector<std::int32_t> next(n, 0);  // by root: units that have a channel
  std::set<std::tuple<std::int32_t, std::int32_t, std::int32_t>> routed;
  const auto route = [&](std::int32_t channel, std::int32_t from, std::int32_t to,
                         const std::vector<topology::VertexId>& vertices) {
    if (routed.insert({channel, from, to}).second) packed.routes.push_back({channel, vertices});
  };
  for (const topology::Tree& tree : forest.trees) {
    for (std::int64_t unit = 0; unit < tree.units; ++unit) {
      const std::int32_t number = next[static_cast<std::size_t>(tree.root)]++;
      for (std::int32_t again = 0; again < repeat; ++again) {
        const std::int32_t group = again * units + number;
        const std::int32_t channel = lone ? group * n_ranks + tree.root : group;
        const auto first = static_cast<std::size_t>(lone ? channel : channel * n_ranks + tree.root) * n;
        for (const topology::TreeEdge& edge : tree.edges) {
          packed.parents[first + static_cast<std::size_t>(edge.to)] = edge.from;
          std::vector<topology::VertexId> way = way_of(edge, unit);
          route(channel, edge.from, edge.to, way);
          std::ranges::reverse(way);
          route(channel, edge.to, edge.from, way);
        }
      }
    }
  }
  return packed;
}

}  // namespace stretto::forest
