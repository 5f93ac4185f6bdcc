#include "plan/routes.hpp"

#include <utility>

#include "base/error.hpp"

namespace stretto {

using topology::VertexId;

Routes::Routes(const topology::Network& network, Way way) : network_(network), way_(std::move(way)) {
  for (const topology::Edge& edge : network.edges()) {
    const auto [at, is_new] = links_.try_emplace({edge.from, edge.to}, static_cast<LinkId>(ends_.size()));
    if (is_new) {
      ends_.emplace_back(edge.from, edge.to);
      capacities_.push_back(0);
    }
    capacities_[static_cast<std::size_t>(at->second)] += static_cast<double>(edge.megabytes_per_s) * 1e6;
  }
  if (way_) return;
  way_ = [&network, ways = topology::Ways(network)](std::int32_t from, std::int32_t to) {
    const std::vector<VertexId>& ranks = network.ranks();
    return ways.shortest(ranks[static_cast<std::size_t>(from)], ranks[static_cast<std::size_t>(to)]);
  };
}

std::vector<LinkId> Routes::links_along(const std::vector<VertexId>& vertices) const {
  STRETTO_ASSERT(vertices.size() >= 2);
  std::vector<LinkId> route;
  for (std::size_t i = 0; i + 1 < vertices.size(); ++i) {
    const auto link = links_.find({vertices[i], vertices[i + 1]});
    STRETTO_ASSERT(link != links_.end());
    route.push_back(link->second);
  }
  return route;
}

void Routes::set(std::int32_t channel, const std::vector<VertexId>& vertices) {
  routes_[{channel, network_.vertex(vertices.front()).rank, network_.vertex(vertices.back()).rank}] =
      links_along(vertices);
}

const std::vector<LinkId>& Routes::of(std::int32_t channel, std::int32_t from, std::int32_t to) {
  if (const auto own = routes_.find({channel, from, to}); own != routes_.end()) return own->second;
  const auto [shared, is_new] = routes_.try_emplace({-1, from, to});
  if (is_new) shared->second = links_along(way_(from, to));
  return shared->second;
}

}  // namespace stretto
