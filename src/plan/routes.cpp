#include "plan/routes.hpp"

#include <algorithm>
#include <limits>
#include <queue>

#include "base/error.hpp"

namespace stretto {

using topology::VertexId;

Routes::Routes(const topology::Network& network)
    : network_(network), out_(static_cast<std::size_t>(network.n_vertices())) {
  for (const topology::Edge& edge : network.edges()) {
    const auto [at, is_new] = links_.try_emplace({edge.from, edge.to}, static_cast<LinkId>(ends_.size()));
    if (is_new) {
      ends_.emplace_back(edge.from, edge.to);
      capacities_.push_back(0);
      out_[static_cast<std::size_t>(edge.from)].push_back(at->second);
    }
    capacities_[static_cast<std::size_t>(at->second)] += static_cast<double>(edge.megabytes_per_s) * 1e6;
  }
}

void Routes::set(std::int32_t channel, const std::vector<VertexId>& vertices) {
  STRETTO_ASSERT(vertices.size() >= 2);
  std::vector<LinkId> route;
  for (std::size_t i = 0; i + 1 < vertices.size(); ++i) {
    const auto link = links_.find({vertices[i], vertices[i + 1]});
    STRETTO_ASSERT(link != links_.end());
    route.push_back(link->second);
  }
  routes_[{channel, network_.vertex(vertices.front()).rank, network_.vertex(vertices.back()).rank}] = std::move(route);
}

const std::vector<LinkId>& Routes::of(std::int32_t channel, std::int32_t from, std::int32_t to) {
  if (const auto own = routes_.find({channel, from, to}); own != routes_.end()) return own->second;
  const auto [shared, is_new] = routes_.try_emplace({-1, from, to});
  if (is_new) {
    shared->second =
        shortest(network_.ranks()[static_cast<std::size_t>(from)], network_.ranks()[static_cast<std::size_t>(to)]);
  }
  return shared->second;
}

/// Breadth first; within a distance the wider way wins. Other ranks pass nothing on.
std::vector<LinkId> Routes::shortest(VertexId from, VertexId to) const {
  struct Best {
    int distance = std::numeric_limits<int>::max();
    double width = 0;
    LinkId by = -1;
  };
  std::vector<Best> best(static_cast<std::size_t>(network_.n_vertices()));
  best[static_cast<std::size_t>(from)] = {0, std::numeric_limits<double>::infinity(), -1};
  std::queue<VertexId> open({from});
  for (; !open.empty(); open.pop()) {
    const VertexId at = open.front();
    if (at != from && network_.vertex(at).rank >= 0) continue;
    const Best here = best[static_cast<std::size_t>(at)];
    for (const LinkId link : out_[static_cast<std::size_t>(at)]) {
      Best& there = best[static_cast<std::size_t>(this->to(link))];
      const Best by_this{here.distance + 1, std::min(here.width, capacities_[static_cast<std::size_t>(link)]), link};
      if (there.distance > by_this.distance) open.push(this->to(link));
      const bool better =
          by_this.distance < there.distance || (by_this.distance == there.distance && by_this.width > there.width);
      if (better) there = by_this;
    }
  }
  if (best[static_cast<std::size_t>(to)].by < 0) {
    throw Error(strettoInvalidArgument,
                "topology: there is no way from " + network_.vertex(from).name + " to " + network_.vertex(to).name);
  }
  std::vector<LinkId> route;
  for (VertexId at = to; at != from; at = this->from(route.back()))
    route.push_back(best[static_cast<std::size_t>(at)].by);
  std::ranges::reverse(route);
  return route;
}

}  // namespace stretto
