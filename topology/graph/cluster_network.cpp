#include "topology/graph/cluster_network.hpp"

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/graph/flow.hpp"

namespace stretto::topology {
namespace {

/// More ranks of one host are not parted one by one.
constexpr std::int32_t kMostOfParts = 256;

template <class Key>
std::vector<std::int32_t> numbered(const std::vector<Key>& keys) {
  std::map<Key, std::int32_t> numbers;
  std::vector<std::int32_t> by_first;
  for (const Key& key : keys) {
    by_first.push_back(numbers.try_emplace(key, static_cast<std::int32_t>(numbers.size())).first->second);
  }
  return numbers.size() < 2 || numbers.size() == keys.size() ? std::vector<std::int32_t>() : by_first;
}

}  // namespace

ClusterNetwork::ClusterNetwork(const Cluster& cluster, std::int32_t n_ranks) : fabric_(cluster.fabric) {
  STRETTO_ASSERT(n_ranks >= 1 && n_ranks <= cluster.n_ranks());
  const bool alone = n_ranks <= ranks_of(cluster.host(0));
  std::map<std::pair<std::int32_t, std::int32_t>, const HostNetwork*> made;  // by variant and ranks
  for (std::int32_t number = 0; network_.n_ranks() < n_ranks; ++number) {
    const std::int32_t ranks = std::min(n_ranks - network_.n_ranks(), ranks_of(cluster.host(number)));
    const HostNetwork*& local = made[{cluster.variant_of[static_cast<std::size_t>(number)], ranks}];
    if (local == nullptr) {
      locals_.push_back(std::make_unique<HostNetwork>(cluster.host(number), ranks, alone));
      local = locals_.back().get();
    }
    add_host(number, *local);
  }
  if (!alone) add_leaves(cluster);
}

void ClusterNetwork::add_host(std::int32_t number, const HostNetwork& local) {
  const std::int32_t group = fabric_.hosts_per_leaf > 0 ? number / fabric_.hosts_per_leaf : 0;
  const VertexId first = network_.n_vertices();
  hosts_.push_back({&local, first, network_.n_ranks(), group});
  const bool alone = local.alone();
  for (VertexId i = 0; i < local.network().n_vertices(); ++i) {
    const Vertex& vertex = local.network().vertex(i);
    const std::string name = alone ? vertex.name : format("host {} {}", number, vertex.name);
    vertex.rank >= 0 ? network_.add_rank(name, vertex.node) : network_.add_relay(name, vertex.node);
  }
  for (const Edge& edge : local.network().edges()) {
    network_.add_edge(first + edge.from, first + edge.to, edge.megabytes_per_s);
  }
  host_of_.insert(host_of_.end(), static_cast<std::size_t>(local.network().n_ranks()), number);
}

void ClusterNetwork::add_leaves(const Cluster& cluster) {
  std::map<std::pair<std::int32_t, std::int32_t>, std::int64_t> below;  // what NICs carry, of leaves
  for (std::int32_t number = 0; number < cluster.n_hosts(); ++number) {
    const std::int32_t group = fabric_.hosts_per_leaf > 0 ? number / fabric_.hosts_per_leaf : 0;
    if (static_cast<std::size_t>(group) >= group_variants_.size()) group_variants_.emplace_back();
    group_variants_.back().push_back(cluster.variant_of[static_cast<std::size_t>(number)]);
    const std::vector<std::int64_t>& speeds = cluster.host(number).made_megabits_per_s;
    for (std::size_t port = 0; port < speeds.size(); ++port) {
      below[{group, fabric_.rails ? static_cast<std::int32_t>(port) : 0}] += speeds[port];
    }
  }
  for (std::vector<std::int32_t>& variants : group_variants_) std::ranges::sort(variants);
  if (below.size() > 1) spine_ = network_.add_relay("spine");
  for (const auto& [place, megabits_per_s] : below) {
    if (place.first > hosts_.back().leaf_group) continue;
    std::string name = format("leaf {}", place.first);
    if (fabric_.rails) name += format(" rail {}", place.second);
    const VertexId leaf = network_.add_relay(name);
    leaves_[place] = leaf;
    if (spine_ < 0) continue;
    network_.add_both_ways(
        leaf, spine_,
        megabytes_of(std::min(megabits_per_s, std::numeric_limits<std::int64_t>::max() / fabric_.up) * fabric_.up /
                     fabric_.down));
  }
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    const std::vector<std::int64_t>& speeds = cluster.host(static_cast<std::int32_t>(number)).port_megabits_per_s;
    for (std::size_t port = 0; port < speeds.size(); ++port) {
      if (host.local->nic_of_port()[port] < 0) continue;
      network_.add_both_ways(host.first_vertex + host.local->nic_of_port()[port],
                             leaf_of(host, static_cast<std::int32_t>(port)), megabytes_of(speeds[port]));
    }
  }
}

VertexId ClusterNetwork::leaf_of(const Host& host, std::int32_t port) const {
  return leaves_.at({host.leaf_group, fabric_.rails ? port : 0});
}

std::vector<std::int32_t> ClusterNetwork::groups() const {
  if (hosts_.size() > 1) return numbered(host_of_);
  return numbered(hosts_.front().local->numa_of_rank());
}

bool ClusterNetwork::has_plain_rails() const {
  if (hosts_.size() < 2) return true;
  const int n_ranks = hosts_.front().local->network().n_ranks();
  return std::ranges::all_of(hosts_, [&](const Host& host) {
    const HostNetwork& local = *host.local;
    if (local.network().n_ranks() != n_ranks) return false;
    for (std::size_t rank = 0; rank < local.port_of_rank().size(); ++rank) {
      if (local.port_of_rank()[rank] != static_cast<std::int32_t>(rank)) return false;
      if (local.megabits_of_rank()[rank] != local.megabits_of_rank().front()) return false;
    }
    return true;
  });
}

std::vector<std::int32_t> ClusterNetwork::rails() const {
  std::vector<std::int32_t> rails;
  if (has_plain_rails()) return rails;
  for (const Host& host : hosts_) {
    rails.insert(rails.end(), host.local->port_of_rank().begin(), host.local->port_of_rank().end());
  }
  return rails;
}

std::vector<std::int32_t> ClusterNetwork::widths() const {
  std::vector<std::int32_t> widths;
  if (has_plain_rails()) return widths;
  for (const Host& host : hosts_) {
    widths.insert(widths.end(), host.local->megabits_of_rank().begin(), host.local->megabits_of_rank().end());
  }
  return widths;
}

std::vector<VertexId> ClusterNetwork::way(std::int32_t from, std::int32_t to) const {
  const Host& host_from = hosts_[static_cast<std::size_t>(host_of_[static_cast<std::size_t>(from)])];
  const Host& host_to = hosts_[static_cast<std::size_t>(host_of_[static_cast<std::size_t>(to)])];
  const std::int32_t local_from = from - host_from.first_rank;
  const std::int32_t local_to = to - host_to.first_rank;
  std::vector<VertexId> way;
  const auto add = [&](const Host& host, VertexId begin, VertexId end) {
    for (const VertexId vertex : host.local->ways().shortest(begin, end)) way.push_back(host.first_vertex + vertex);
  };
  const VertexId begin = host_from.local->network().ranks()[static_cast<std::size_t>(local_from)];
  const VertexId end = host_to.local->network().ranks()[static_cast<std::size_t>(local_to)];
  if (&host_from == &host_to) {
    add(host_from, begin, end);
    return way;
  }
  const std::int32_t port_from = host_from.local->port_of_rank()[static_cast<std::size_t>(local_from)];
  const std::int32_t port_to = host_to.local->port_of_rank()[static_cast<std::size_t>(local_to)];
  for (const VertexId vertex : host_from.local->way_out(local_from)) way.push_back(host_from.first_vertex + vertex);
  const VertexId leaf_from = leaf_of(host_from, port_from);
  const VertexId leaf_to = leaf_of(host_to, port_to);
  way.push_back(leaf_from);
  if (leaf_from != leaf_to) way.insert(way.end(), {spine_, leaf_to});
  add(host_to, host_to.local->nic_of_port()[static_cast<std::size_t>(port_to)], end);
  return way;
}

/// Of each kind of host (what it is, and what its group has) the first, the first other in group 0, and the first
/// outside of it; group 0 is that of rank 0.
std::vector<std::int32_t> ClusterNetwork::unlike_hosts() const {
  std::set<std::tuple<const HostNetwork*, std::vector<std::int32_t>, int>> seen;
  std::vector<std::int32_t> unlike;
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    std::vector<std::int32_t> group;
    if (!group_variants_.empty()) group = group_variants_[static_cast<std::size_t>(host.leaf_group)];
    // The last group laid out may have fewer hosts in it than its like.
    if (host.leaf_group == hosts_.back().leaf_group) group.push_back(-1);
    const int where = number == 0 ? 0 : host.leaf_group == 0 ? 1 : 2;
    if (seen.emplace(host.local, group, where).second) unlike.push_back(static_cast<std::int32_t>(number));
  }
  return unlike;
}

void ClusterNetwork::add_ranks_of(const Host& host, std::vector<VertexId>& ranks) const {
  const auto first = network_.ranks().begin() + host.first_rank;
  ranks.insert(ranks.end(), first, first + host.local->network().n_ranks());
}

std::vector<VertexId> ClusterNetwork::unlike() const {
  std::vector<VertexId> ranks;
  for (const std::int32_t number : unlike_hosts()) add_ranks_of(hosts_[static_cast<std::size_t>(number)], ranks);
  return ranks;
}

std::vector<std::vector<std::int32_t>> ClusterNetwork::partitions() const {
  if (hosts_.size() < 2) {
    if (network_.n_ranks() > kMostOfParts) return {};
    return {isolating_parts(network_)};
  }
  std::vector<std::int32_t> hosts(static_cast<std::size_t>(network_.n_vertices()), -1);
  std::vector<std::int32_t> groups = hosts;
  for (std::size_t number = 0; number < hosts_.size(); ++number) {
    const Host& host = hosts_[number];
    const VertexId end = host.first_vertex + host.local->network().n_vertices();
    for (VertexId vertex = host.first_vertex; vertex < end; ++vertex) {
      hosts[static_cast<std::size_t>(vertex)] = static_cast<std::int32_t>(number);
      groups[static_cast<std::size_t>(vertex)] = host.leaf_group;
    }
  }
  for (const auto& [place, leaf] : leaves_) groups[static_cast<std::size_t>(leaf)] = place.first;
  return {std::move(hosts), std::move(groups)};
}

}  // namespace stretto::topology
