#include "topology/graph/ways.hpp"

#include <algorithm>
#include <limits>
#include <queue>

#include "base/error.hpp"

namespace stretto::topology {

Ways::Ways(const Network& network) : network_(network), out_(static_cast<std::size_t>(network.n_vertices())) {
  for (const Edge& edge : network.edges()) {
    std::vector<Arc>& arcs = out_[static_cast<std::size_t>(edge.from)];
    const auto same = std::ranges::find(arcs, edge.to, &Arc::to);
    if (same == arcs.end()) {
      arcs.push_back({edge.to, edge.megabytes_per_s});
    } else {
      same->megabytes_per_s += edge.megabytes_per_s;
    }
  }
}

/// Breadth first; within a distance the wider way wins.
std::vector<Ways::Best> Ways::search(VertexId from, VertexId until) const {
  std::vector<Best> best(out_.size());
  best[static_cast<std::size_t>(from)] = {0, std::numeric_limits<std::int64_t>::max(), -1};
  std::queue<VertexId> open({from});
  for (; !open.empty(); open.pop()) {
    const VertexId at = open.front();
    const Best here = best[static_cast<std::size_t>(at)];
    const int found = until < 0 ? -1 : best[static_cast<std::size_t>(until)].distance;
    if (found >= 0 && here.distance >= found) break;  // nothing from here on gets there sooner, or wider
    if (at != from && network_.vertex(at).rank >= 0) continue;
    for (const Arc& arc : out_[static_cast<std::size_t>(at)]) {
      Best& there = best[static_cast<std::size_t>(arc.to)];
      const Best by_this{here.distance + 1, std::min(here.width, arc.megabytes_per_s), at};
      if (there.distance < 0) open.push(arc.to);
      const bool better = there.distance < 0 || (there.distance == by_this.distance && by_this.width > there.width);
      if (better) there = by_this;
    }
  }
  return best;
}

std::vector<VertexId> Ways::shortest(VertexId from, VertexId to) const {
  const std::vector<Best> best = search(from, to);
  if (best[static_cast<std::size_t>(to)].distance < 0) {
    throw Error(strettoInvalidArgument,
                "topology: there is no way from " + network_.vertex(from).name + " to " + network_.vertex(to).name);
  }
  std::vector<VertexId> way{to};
  while (way.back() != from) way.push_back(best[static_cast<std::size_t>(way.back())].before);
  std::ranges::reverse(way);
  return way;
}

std::vector<int> Ways::distances(VertexId from) const {
  std::vector<int> distances;
  for (const Best& best : search(from, -1)) distances.push_back(best.distance);
  return distances;
}

}  // namespace stretto::topology
