#include "planner/host_trees.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "algorithms/groups.hpp"
#include "algorithms/rail_trees/owners.hpp"

namespace stretto {
namespace {

using topology::Gate;
using topology::HostNetwork;
using topology::HostTrees;
using topology::VertexId;
using Host = topology::ClusterNetwork::Host;

constexpr std::int32_t kMostRanksOfHost = 16;
/// Every rank's plan looks at all parents, and each edge has routes of its own.
constexpr std::int32_t kMostRanks = 2048;
/// As many trees as bring the last percent, but no more for a host.
constexpr std::size_t kMostTreesOfHost = 32;
constexpr double kWorthIt = 1.01;
/// Of two channels, which take turns with the same trees.
constexpr std::int32_t kChannelsOfTurn = 2;

std::int32_t ranks_of(const Host& host) { return host.local->network().n_ranks(); }

/// By turn, the host's rank that owns it.
using Owners = std::vector<std::int32_t>;

/// What the ways out take, and how much of them each rank owns.
std::vector<Gate> gates_of(const HostNetwork& host, const Owners& owners) {
  std::vector<Gate> gates;
  for (std::int32_t rank = 0; rank < host.network().n_ranks(); ++rank) {
    const auto units = std::ranges::count(owners, rank);
    if (units == 0) continue;
    const std::int32_t megabits = host.megabits_of_rank()[static_cast<std::size_t>(rank)];
    gates.push_back({rank, units, host.way_out(rank), topology::megabytes_of(megabits)});
  }
  return gates;
}

/// What a unit of a star carries, at each turn, with all turns at once.
/// @param edges of an average host in a tree of them
double star_megabytes_per_s(const HostNetwork& host, const std::vector<Gate>& gates, double edges) {
  std::map<std::pair<VertexId, VertexId>, double> capacity;
  std::map<std::pair<VertexId, VertexId>, double> load;
  for (const topology::Edge& edge : host.network().edges()) {
    capacity[{edge.from, edge.to}] += static_cast<double>(edge.megabytes_per_s);
  }
  const auto add = [&](const std::vector<VertexId>& vertices, double units) {
    for (std::size_t i = 0; i + 1 < vertices.size(); ++i) {
      load[{vertices[i], vertices[i + 1]}] += units;
      load[{vertices[i + 1], vertices[i]}] += units;
    }
  };
  double rate = std::numeric_limits<double>::infinity();
  const std::vector<VertexId>& ranks = host.network().ranks();
  for (const Gate& gate : gates) {
    const auto units = static_cast<double>(gate.units);
    add(gate.way_out, edges * units);
    for (std::int32_t rank = 0; rank < host.network().n_ranks(); ++rank) {
      if (rank == gate.rank) continue;
      add(host.ways().shortest(ranks[static_cast<std::size_t>(gate.rank)], ranks[static_cast<std::size_t>(rank)]),
          units);
    }
    rate = std::min(rate, static_cast<double>(gate.megabytes_per_s) / (edges * units));
  }
  for (const auto& [edge, units] : load) rate = std::min(rate, capacity[edge] / units);
  return rate;
}

/// As trees: for hosts with one rank, and those whose packing would take too long.
std::vector<topology::Tree> stars_of(const HostNetwork& host, const std::vector<Gate>& gates) {
  std::vector<topology::Tree> stars;
  const std::vector<VertexId>& ranks = host.network().ranks();
  for (const Gate& gate : gates) {
    topology::Tree star{gate.rank, gate.units, {}};
    for (std::int32_t rank = 0; rank < host.network().n_ranks(); ++rank) {
      if (rank == gate.rank) continue;
      const std::vector<VertexId> way =
          host.ways().shortest(ranks[static_cast<std::size_t>(gate.rank)], ranks[static_cast<std::size_t>(rank)]);
      star.edges.push_back({gate.rank, rank, {{gate.units, way}}});
    }
    stars.push_back(std::move(star));
  }
  return stars;
}

/// Puts each unit of the trees at one of its root's turns.
void place(const HostTrees& packed, const Owners& owners, const Host& host, std::int32_t n_ranks, TreesOfHosts& trees) {
  std::vector<bool> taken(owners.size(), false);
  for (const topology::Tree& tree : packed.trees) {
    for (std::int64_t unit = 0; unit < tree.units; ++unit) {
      std::size_t turn = 0;
      while (owners[turn] != tree.root || taken[turn]) ++turn;
      taken[turn] = true;
      for (const topology::TreeEdge& edge : tree.edges) {
        const std::size_t at = turn * static_cast<std::size_t>(n_ranks);
        trees.parents[at + static_cast<std::size_t>(host.first_rank + edge.to)] = host.first_rank + edge.from;
        std::vector<VertexId> way = forest::way_of(edge, unit);
        for (VertexId& vertex : way) vertex += host.first_vertex;
        for (const bool is_up : {false, true}) {
          if (is_up) std::ranges::reverse(way);
          for (std::int32_t tree_of_two = 0; tree_of_two < kChannelsOfTurn; ++tree_of_two) {
            trees.routes.push_back({kChannelsOfTurn * static_cast<std::int32_t>(turn) + tree_of_two, way});
          }
        }
      }
    }
  }
}

/// All hosts' trees with so many turns, and what the slowest of them carries by what its stars do.
class Attempt {
 public:
  Attempt(const std::vector<std::vector<Rank>>& owners, std::size_t repeats, std::span<const Host> hosts,
          const std::function<bool()>& go_on) {
    const auto n_hosts = static_cast<double>(hosts.size());
    const double edges = 2 * (n_hosts - 1) / n_hosts;
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      Owners mine;
      for (std::size_t again = 0; again < repeats; ++again) {
        for (const Rank owner : owners[i]) mine.push_back(owner - hosts[i].first_rank);
      }
      const auto key = std::pair(hosts[i].local, mine);
      if (!packed_.contains(key)) {
        ended_ = ended_ || !go_on();
        if (ended_) return;
        const std::vector<Gate> gates = gates_of(*hosts[i].local, mine);
        const auto all = static_cast<double>(mine.size());
        const double of_stars = star_megabytes_per_s(*hosts[i].local, gates, edges);
        const std::int32_t n_ranks = ranks_of(hosts[i]);
        const bool is_packed = n_ranks >= 2 && n_ranks <= kMostRanksOfHost;
        const auto& packed = packed_[key] =
            is_packed ? topology::pack_host_trees(hosts[i].local->network(), gates, std::ssize(hosts))
                      : HostTrees{of_stars, stars_of(*hosts[i].local, gates)};
        rate_ = std::min(rate_, packed.unit_megabytes_per_s * all);
        star_rate_ = std::min(star_rate_, of_stars * all);
      }
      owners_.push_back(std::move(mine));
    }
  }

  bool ended() const { return ended_; }
  double rate() const { return rate_; }
  double star_rate() const { return star_rate_; }

  TreesOfHosts trees(std::int32_t n_ranks, std::span<const Host> hosts) const {
    TreesOfHosts trees;
    trees.parents.assign(owners_.front().size() * static_cast<std::size_t>(n_ranks), -1);
    for (std::size_t i = 0; i < hosts.size(); ++i) {
      place(packed_.at({hosts[i].local, owners_[i]}), owners_[i], hosts[i], n_ranks, trees);
    }
    return trees;
  }

 private:
  std::map<std::pair<const HostNetwork*, Owners>, HostTrees> packed_;
  std::vector<Owners> owners_;
  bool ended_ = false;
  double rate_ = std::numeric_limits<double>::infinity();
  double star_rate_ = std::numeric_limits<double>::infinity();
};

}  // namespace

std::optional<TreesOfHosts> trees_of_hosts(const PlanSpec& spec, std::span<const Host> hosts,
                                           const std::function<bool()>& go_on) {
  // Without groups no host has two ranks.
  if (hosts.size() < 2 || spec.groups.empty() || spec.n_ranks > kMostRanks) return std::nullopt;
  const std::vector<std::vector<Rank>> owners = rail_trees::Owners(spec, Groups(spec)).all();
  const std::size_t turns = owners.front().size();
  // Hosts of unequal sizes have as many turns as one another where the spec says their rails.
  STRETTO_ASSERT(owners.size() == hosts.size() && turns > 0);
  STRETTO_ASSERT(std::ranges::all_of(owners, [&](const auto& each) { return each.size() == turns; }));
  if (turns > kMostTreesOfHost) return std::nullopt;
  std::optional<Attempt> best;
  for (std::size_t repeats = 1; repeats * turns <= kMostTreesOfHost; repeats *= 2) {
    Attempt attempt(owners, repeats, hosts, go_on);
    if (attempt.ended()) return std::nullopt;
    if (!best && attempt.rate() < attempt.star_rate()) continue;
    if (!best || attempt.rate() > best->rate() * kWorthIt) best = std::move(attempt);
  }
  if (!best || best->rate() < best->star_rate() * kWorthIt) return std::nullopt;
  return best->trees(spec.n_ranks, hosts);
}

}  // namespace stretto
