#include "topology/graph/forest.hpp"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>

#include "base/error.hpp"
#include "topology/graph/dinic.hpp"
#include "topology/graph/unit_graph.hpp"

namespace stretto::topology {
namespace {

/// How capacities are counted: trees of one unit per root, and units to a megabyte per second.
struct Units {
  std::int64_t per_root = 0;
  double per_megabyte = 0;

  double rate() const { return static_cast<double>(per_root) / per_megabyte; }
};

/// Whose trees are packed.
constexpr std::int32_t kAllRanks = -1;

/// The count at which the best pace is reached to the last byte, if `most` trees per root suffice.
std::optional<Units> exact_units(const Network& network, const Rate& rate, std::int64_t most) {
  std::int64_t divisor = rate.numerator;
  for (const Edge& edge : network.edges()) divisor = std::gcd(divisor, edge.megabytes_per_s);
  const std::int64_t per_root = rate.numerator / divisor;
  if (per_root > most) return std::nullopt;
  return Units{per_root, static_cast<double>(rate.denominator) / static_cast<double>(divisor)};
}

/// By rank.
std::vector<std::int64_t> units_of(const Network& network, std::int32_t root, std::int64_t per_root) {
  std::vector<std::int64_t> units(static_cast<std::size_t>(network.n_ranks()), root == kAllRanks ? per_root : 0);
  if (root != kAllRanks) units[static_cast<std::size_t>(root)] = per_root;
  return units;
}

/// The least of what can reach any other rank.
Rate rate_of(const Network& network, std::int32_t root) {
  if (root == kAllRanks) return all_gather_rate(network);
  const VertexId from = network.ranks()[static_cast<std::size_t>(root)];
  Rate rate;
  for (const VertexId to : network.ranks()) {
    if (to == from) continue;
    const std::int64_t value = max_flow(network, {from}, to).value;
    if (rate.numerator == 0 || value < rate.numerator) rate.numerator = value;
  }
  return rate;
}

/// The fewest units to a megabyte per second, that is, the largest ones, with which it carries, by bisection. None
/// fewer than `least` do.
double fewest_units(double least, const std::function<bool(double per_megabyte)>& carries) {
  constexpr int kSteps = 24;
  double fits = least;
  while (!carries(fits)) fits *= 2;
  double too_few = std::max(least * (1 - 1e-9), fits / 2);
  for (int step = 0; step < kSteps && fits > least; ++step) {
    const double middle = (too_few + fits) / 2;
    (carries(middle) ? fits : too_few) = middle;
  }
  return fits;
}

Units best_units(const Network& network, std::int32_t root, std::int64_t per_root, double most_rate) {
  const auto carries = [&](double per_megabyte) {
    return UnitGraph(network, per_megabyte).carries(units_of(network, root, per_root));
  };
  return {per_root, fewest_units(static_cast<double>(per_root) / most_rate, carries)};
}

Units choose_units(const Network& network, std::int32_t root, const ForestLimits& limits) {
  const Rate rate = rate_of(network, root);
  // The edges' slower directions only: what the trees use.
  if (const auto exact = exact_units(network, rate, limits.units_per_root)) {
    if (UnitGraph(network, exact->per_megabyte).carries(units_of(network, root, exact->per_root))) return *exact;
  }
  Units best;
  for (std::int64_t per_root = 1; per_root <= limits.units_per_root; ++per_root) {
    const Units units = best_units(network, root, per_root, rate.megabytes_per_s());
    if (best.per_root == 0 || units.rate() > best.rate() * (1 + 1e-6)) best = units;
  }
  return best;
}

/// Grows trees in a graph of ranks only.
class Packing {
 public:
  /// @param units by rank, of the trees that begin there
  Packing(UnitGraph graph, const Network& network, const std::vector<std::int64_t>& units)
      : graph_(std::move(graph)), network_(network) {
    for (std::size_t rank = 0; rank < units.size(); ++rank) {
      const VertexId root = graph_.ranks()[rank];
      if (units[rank] > 0) growing_.push_back({{rank_of(root), units[rank], {}}, {root}});
    }
  }

  std::vector<Tree> run() {
    std::vector<Tree> done;
    while (!growing_.empty()) {
      while (growing_.front().vertices.size() < graph_.ranks().size()) grow(growing_.front());
      done.push_back(std::move(growing_.front().tree));
      growing_.erase(growing_.begin());
    }
    std::ranges::stable_sort(done, {}, &Tree::root);
    return done;
  }

 private:
  struct Growing {
    Tree tree;
    std::vector<VertexId> vertices;  ///< that it has reached

    bool has(VertexId vertex) const { return std::ranges::find(vertices, vertex) != vertices.end(); }
  };

  std::int32_t rank_of(VertexId vertex) const { return network_.vertex(vertex).rank; }

  /// By one edge; nearest to the root first, so that trees stay flat. If not all its units can take the edge, the rest
  /// becomes a tree of its own.
  void grow(Growing& first) {
    for (const VertexId from : first.vertices) {
      for (const VertexId to : graph_.heads(from)) {
        if (first.has(to)) continue;
        const std::int64_t units = usable(from, to);
        if (units <= 0) continue;
        if (units < first.tree.units) split_off(first, units);
        Growing& grown = growing_.front();  // growing_ may have moved
        grown.tree.edges.push_back({rank_of(from), rank_of(to), graph_.take(from, to, units)});
        grown.vertices.push_back(to);
        return;
      }
    }
    STRETTO_ASSERT(!"a tree can always grow: no cut has become too small");
  }

  /// The routes of its edges are parted, too.
  void split_off(Growing& first, std::int64_t units) {
    Growing rest = first;
    rest.tree.units = first.tree.units - units;
    for (std::size_t i = 0; i < first.tree.edges.size(); ++i) {
      rest.tree.edges[i].routes = part(first.tree.edges[i].routes, rest.tree.units);
    }
    first.tree.units = units;
    growing_.insert(growing_.begin() + 1, std::move(rest));
  }

  /// Takes units from the end of `routes`.
  static std::vector<Route> part(std::vector<Route>& routes, std::int64_t units) {
    std::vector<Route> taken;
    while (units > 0) {
      Route& last = routes.back();
      const std::int64_t some = std::min(units, last.units);
      taken.push_back({some, last.vertices});
      last.units -= some;
      units -= some;
      if (last.units == 0) routes.pop_back();
    }
    return taken;
  }

  /// How many units the first tree may use of an edge, so that the others can be completed: the least that any set with
  /// `to` and without `from` has to spare. A set must let in every tree that has nothing in it.
  std::int64_t usable(VertexId from, VertexId to) const {
    const auto n_others = static_cast<int>(growing_.size()) - 1;
    Dinic dinic(graph_.n_vertices() + n_others);
    for (const VertexId a : graph_.ranks()) {
      for (const VertexId b : graph_.heads(a)) dinic.add(a, b, graph_.units(a, b));
    }
    std::int64_t of_others = 0;
    for (int i = 0; i < n_others; ++i) {
      const Growing& other = growing_[static_cast<std::size_t>(i) + 1];
      const int its = graph_.n_vertices() + i;
      dinic.add(from, its, other.tree.units);
      for (const VertexId vertex : other.vertices) dinic.add(its, vertex, kUnlimited);
      of_others += other.tree.units;
    }
    return std::min({graph_.units(from, to), growing_.front().tree.units, dinic.run(from, to) - of_others});
  }

  UnitGraph graph_;
  const Network& network_;
  std::vector<Growing> growing_;
};

/// Each link of a way out, in both directions.
void require_both_ways(const Network& network, const std::vector<VertexId>& vertices) {
  const auto has = [&](VertexId from, VertexId to) {
    return std::ranges::any_of(network.edges(), [&](const Edge& edge) { return edge.from == from && edge.to == to; });
  };
  for (std::size_t i = 0; i + 1 < vertices.size(); ++i) {
    if (has(vertices[i], vertices[i + 1]) && has(vertices[i + 1], vertices[i])) continue;
    throw Error(strettoInvalidArgument, "topology: a way that trees need leads in one direction only");
  }
}

/// However slow an edge is, it has room for all.
void require_joined(const Network& network) {
  if (network.n_ranks() < 2 || UnitGraph(network, network.n_ranks()).carries(units_of(network, kAllRanks, 1))) return;
  throw Error(strettoInvalidArgument, "topology: some ranks are not joined with the others, both ways");
}

Forest pack(const Network& network, std::int32_t root, const ForestLimits& limits) {
  STRETTO_ASSERT(limits.units_per_root >= 1);
  if (network.n_ranks() < 2) return {};
  require_joined(network);
  const Units units = choose_units(network, root, limits);
  const std::vector<std::int64_t> of_ranks = units_of(network, root, units.per_root);
  UnitGraph graph(network, units.per_megabyte);
  graph.remove_relays(of_ranks);
  Forest forest;
  forest.units_per_root = units.per_root;
  forest.unit_megabytes_per_s = 1 / units.per_megabyte;
  forest.trees = Packing(std::move(graph), network, of_ranks).run();
  return forest;
}

}  // namespace

Forest pack_trees(const Network& network, const ForestLimits& limits) { return pack(network, kAllRanks, limits); }

Forest pack_trees_of(const Network& network, std::int32_t root, const ForestLimits& limits) {
  STRETTO_ASSERT(root >= 0 && root < network.n_ranks());
  return pack(network, root, limits);
}

HostTrees pack_host_trees(const Network& network, const std::vector<Gate>& gates, std::int64_t n_hosts) {
  require_joined(network);
  STRETTO_ASSERT(n_hosts >= 2);
  // An average host has 2 (n - 1) / n edges, each of which takes a link both ways, and so does an edge of a tree:
  // counted by what a tree takes that only hands down, as if links were half as fast. (Where all trees go one way along
  // a link, that leaves some of it unused.)
  const std::int64_t edges = n_hosts - 1;
  std::vector<std::int64_t> of_ranks = units_of(network, kAllRanks, 0);
  double least = 0;
  for (const Gate& gate : gates) {
    STRETTO_ASSERT(gate.units >= 0 && gate.megabytes_per_s > 0);
    require_both_ways(network, gate.way_out);
    of_ranks[static_cast<std::size_t>(gate.rank)] += gate.units;
    least = std::max(
        least, 2.0 * static_cast<double>(edges * gate.units) / static_cast<double>(n_hosts * gate.megabytes_per_s));
  }
  STRETTO_ASSERT(least > 0);
  std::optional<UnitGraph> graph;
  const double per_megabyte = fewest_units(least, [&](double units) {
    UnitGraph tried(network, units / 2);
    const auto keep = [&](const Gate& gate) {
      return tried.keep(gate.way_out, (edges * gate.units + n_hosts - 1) / n_hosts);
    };
    if (!std::ranges::all_of(gates, keep) || !tried.carries(of_ranks)) return false;
    graph = std::move(tried);
    return true;
  });
  graph->remove_relays(of_ranks);
  return {1 / per_megabyte, Packing(std::move(*graph), network, of_ranks).run()};
}

}  // namespace stretto::topology
