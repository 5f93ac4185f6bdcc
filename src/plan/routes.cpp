#include "plan/routes.hpp"

#include <algorithm>
#include <utility>

#include "base/error.hpp"

namespace stretto {

using topology::VertexId;

Routes::Routes(const topology::Network& network, Way way, const topology::Likeness& likeness, double like_messages)
    : network_(network), way_(std::move(way)), like_(likeness.of_vertex), like_messages_(like_messages) {
  std::map<Ends, double> together;  // bytes per second of parallel edges
  for (const topology::Edge& edge : network.edges()) {
    together[{edge.from, edge.to}] += static_cast<double>(edge.megabytes_per_s) * 1e6;
  }
  for (const topology::Edge& edge : network.edges()) {
    const auto own = together.find({edge.from, edge.to});
    if (own == together.end()) continue;  // parallel to one before
    const auto [at, is_new] = links_.try_emplace(like(own->first), static_cast<LinkId>(ends_.size()));
    if (is_new) {
      ends_.push_back(own->first);
      capacities_.push_back(own->second);
      n_like_.push_back(0);
    }
    ++n_like_[static_cast<std::size_t>(at->second)];
    STRETTO_ASSERT(capacities_[static_cast<std::size_t>(at->second)] == own->second);
    together.erase(own);
  }
  if (way_) return;
  way_ = [&network, ways = topology::Ways(network)](std::int32_t from, std::int32_t to) {
    const std::vector<VertexId>& ranks = network.ranks();
    return ways.shortest(ranks[static_cast<std::size_t>(from)], ranks[static_cast<std::size_t>(to)]);
  };
}

Routes::Ends Routes::like(const Ends& ends) const {
  if (like_.empty()) return ends;
  return {like_[static_cast<std::size_t>(ends.first)], like_[static_cast<std::size_t>(ends.second)]};
}

std::vector<Share> Routes::links_along(const std::vector<VertexId>& vertices) const {
  STRETTO_ASSERT(vertices.size() >= 2);
  std::vector<Share> route;
  for (std::size_t i = 0; i + 1 < vertices.size(); ++i) {
    const auto link = links_.find(like({vertices[i], vertices[i + 1]}));
    STRETTO_ASSERT(link != links_.end());
    const double flows = like_messages_ / n_like_[static_cast<std::size_t>(link->second)];
    const auto known = std::ranges::find(route, link->second, &Share::link);
    if (known == route.end()) {
      route.push_back({link->second, flows});
    } else {
      known->flows += flows;
    }
  }
  return route;
}

void Routes::set(std::int32_t channel, const std::vector<VertexId>& vertices) {
  routes_[{channel, network_.vertex(vertices.front()).rank, network_.vertex(vertices.back()).rank}] =
      links_along(vertices);
}

const std::vector<Share>& Routes::of(std::int32_t channel, std::int32_t from, std::int32_t to) {
  if (const auto own = routes_.find({channel, from, to}); own != routes_.end()) return own->second;
  const auto [shared, is_new] = routes_.try_emplace({-1, from, to});
  if (is_new) shared->second = links_along(way_(from, to));
  return shared->second;
}

}  // namespace stretto
