#include "topology/graph/cluster_likeness.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "topology/graph/cluster_network.hpp"

namespace stretto::topology {
namespace {

std::size_t index_of(VertexId vertex) { return static_cast<std::size_t>(vertex); }

using Capacities = std::map<std::pair<VertexId, VertexId>, std::int64_t>;

Capacities capacities_of(const Network& network) {
  Capacities capacities;
  for (const Edge& edge : network.edges()) capacities[{edge.from, edge.to}] += edge.megabytes_per_s;
  return capacities;
}

/// Whether a network is the same when each vertex takes another one's place.
bool is_same_after(const Network& network, const std::vector<VertexId>& place) {
  const Capacities capacities = capacities_of(network);
  return std::ranges::all_of(capacities, [&](const auto& edge) {
    const auto other = capacities.find(
        {place[static_cast<std::size_t>(edge.first.first)], place[static_cast<std::size_t>(edge.first.second)]});
    return other != capacities.end() && other->second == edge.second;
  });
}

/// Whether all edges between vertices of two classes are equally wide. A vertex may see the same as another one by
/// edges that differ.
bool has_one_capacity_each(const Network& network, const std::vector<VertexId>& like) {
  Capacities of_classes;
  return std::ranges::all_of(capacities_of(network), [&](const auto& edge) {
    const std::pair<VertexId, VertexId> classes{like[static_cast<std::size_t>(edge.first.first)],
                                                like[static_cast<std::size_t>(edge.first.second)]};
    return of_classes.try_emplace(classes, edge.second).first->second == edge.second;
  });
}

/// By vertex, the first that it comes to if it goes on taking places.
std::vector<VertexId> first_of_circles(const std::vector<VertexId>& place) {
  std::vector<VertexId> first(place.size(), -1);
  for (std::size_t begin = 0; begin < place.size(); ++begin) {
    for (auto at = begin; first[at] < 0; at = static_cast<std::size_t>(place[at])) {
      first[at] = static_cast<VertexId>(begin);
    }
  }
  return first;
}

/// Parts vertices until those that are left together cannot be told apart by what they are joined to, and how.
class Colours {
 public:
  Colours(const Network& network, std::vector<std::int32_t> colours) : colours_(std::move(colours)) {
    neighbours_.resize(colours_.size());
    for (const auto& [ends, capacity] : capacities_of(network)) join(ends.first, ends.second, capacity);
  }

  void join(VertexId from, VertexId to, std::int64_t how) {
    neighbours_[static_cast<std::size_t>(from)].emplace_back(to, how, true);
    neighbours_[static_cast<std::size_t>(to)].emplace_back(from, how, false);
  }

  /// By vertex, the first of its colour.
  std::vector<VertexId> settled() {
    std::size_t n_colours = 0;
    for (std::size_t before = 1; before != n_colours;) {
      before = n_colours;
      n_colours = part();
    }
    std::map<std::int32_t, VertexId> first;
    std::vector<VertexId> like;
    for (std::size_t vertex = 0; vertex < colours_.size(); ++vertex) {
      like.push_back(first.try_emplace(colours_[vertex], static_cast<VertexId>(vertex)).first->second);
    }
    return like;
  }

 private:
  /// Colour and kind of what a vertex is joined to.
  using Sight = std::tuple<std::int32_t, std::int64_t, bool>;

  std::size_t part() {
    std::map<std::pair<std::int32_t, std::vector<Sight>>, std::int32_t> numbers;
    std::vector<std::int32_t> parted;
    for (std::size_t vertex = 0; vertex < colours_.size(); ++vertex) {
      std::vector<Sight> sights;
      for (const auto& [other, how, out] : neighbours_[vertex]) {
        sights.emplace_back(colours_[static_cast<std::size_t>(other)], how, out);
      }
      std::ranges::sort(sights);
      const auto number = static_cast<std::int32_t>(numbers.size());
      parted.push_back(numbers.try_emplace({colours_[vertex], std::move(sights)}, number).first->second);
    }
    colours_ = std::move(parted);
    return numbers.size();
  }

  std::vector<std::int32_t> colours_;
  std::vector<std::vector<std::tuple<VertexId, std::int64_t, bool>>> neighbours_;
};

}  // namespace

Likeness ClusterNetwork::alike_hosts() const {
  const auto n_hosts = static_cast<std::int32_t>(hosts_.size());
  const HostNetwork* local = hosts_.front().local;
  const bool one_group = hosts_.back().leaf_group == 0;
  const std::int32_t period = one_group ? 1 : fabric_.hosts_per_leaf;
  if (n_hosts < 2 || n_hosts % period != 0 || n_hosts == period) return {};
  if (!std::ranges::all_of(hosts_, [&](const Host& host) { return host.local == local; })) return {};
  std::vector<VertexId> place(static_cast<std::size_t>(network_.n_vertices()));
  for (VertexId vertex = 0; vertex < network_.n_vertices(); ++vertex) place[static_cast<std::size_t>(vertex)] = vertex;
  for (std::int32_t number = 0; number < n_hosts; ++number) {
    const VertexId from = hosts_[static_cast<std::size_t>(number)].first_vertex;
    const VertexId to = hosts_[static_cast<std::size_t>((number + period) % n_hosts)].first_vertex;
    for (VertexId i = 0; i < local->network().n_vertices(); ++i) place[index_of(from + i)] = to + i;
  }
  const std::int32_t n_groups = hosts_.back().leaf_group + 1;
  for (const auto& [where, leaf] : leaves_) {
    const auto next = leaves_.find({(where.first + (one_group ? 0 : 1)) % n_groups, where.second});
    if (next == leaves_.end()) return {};
    place[static_cast<std::size_t>(leaf)] = next->second;
  }
  if (!is_same_after(network_, place)) return {};
  return {first_of_circles(place), period * local->network().n_ranks(), 0};
}

Likeness ClusterNetwork::alike_rails() const {
  const std::int32_t n_rails = hosts_.front().local->network().n_ranks();
  if (hosts_.size() < 2 || n_rails < 2) return {};
  std::vector<std::int32_t> colours(static_cast<std::size_t>(network_.n_vertices()));
  const auto n_hosts = static_cast<std::int32_t>(hosts_.size());
  for (std::int32_t number = 0; number < n_hosts; ++number) {
    const Host& host = hosts_[static_cast<std::size_t>(number)];
    if (host.local->network().n_ranks() != n_rails) return {};
    for (VertexId i = 0; i < host.local->network().n_vertices(); ++i) {
      const bool is_rank = host.local->network().vertex(i).rank >= 0;
      colours[index_of(host.first_vertex + i)] = 2 * number + (is_rank ? 1 : 0);
    }
  }
  for (const auto& [where, leaf] : leaves_) colours[static_cast<std::size_t>(leaf)] = 2 * n_hosts + 1 + where.first;
  if (spine_ >= 0) colours[static_cast<std::size_t>(spine_)] = 2 * n_hosts;
  Colours parted(network_, std::move(colours));
  for (const Host& host : hosts_) {
    for (std::int32_t rank = 0; rank < n_rails; ++rank) {
      const std::int32_t port = host.local->port_of_rank()[static_cast<std::size_t>(rank)];
      parted.join(network_.ranks()[index_of(host.first_rank + rank)],
                  host.first_vertex + host.local->nic_of_port()[static_cast<std::size_t>(port)], -1);
    }
  }
  Likeness likeness{parted.settled(), 0, n_rails};
  if (!has_one_capacity_each(network_, likeness.of_vertex)) return {};
  for (const Host& host : hosts_) {
    if (!ways_are_alike(host, likeness.of_vertex)) return {};
  }
  return likeness;
}

bool ClusterNetwork::ways_are_alike(const Host& host, const std::vector<VertexId>& like) const {
  const std::vector<VertexId>& ranks = host.local->network().ranks();
  std::set<std::vector<VertexId>> between;
  std::set<std::vector<VertexId>> out;
  const auto along = [&](VertexId from, VertexId to) {
    std::vector<VertexId> classes;
    for (const VertexId vertex : host.local->ways().shortest(from, to)) {
      classes.push_back(like[index_of(host.first_vertex + vertex)]);
    }
    return classes;
  };
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    for (const VertexId other : ranks) {
      if (other != ranks[rank]) between.insert(along(ranks[rank], other));
    }
    const auto port = static_cast<std::size_t>(host.local->port_of_rank()[rank]);
    out.insert(along(ranks[rank], host.local->nic_of_port()[port]));
  }
  return between.size() == 1 && out.size() == 1;
}

}  // namespace stretto::topology
