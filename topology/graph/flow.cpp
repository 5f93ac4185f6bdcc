#include "topology/graph/flow.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>

#include "base/error.hpp"

namespace stretto::topology {
namespace {

constexpr std::int64_t kUnlimited = std::numeric_limits<std::int64_t>::max() / 4;

/// Dinic's algorithm: shortest paths first, level by level. Capacities are integers, so it ends.
class Dinic {
 public:
  explicit Dinic(int n_vertices) : arcs_of_(static_cast<std::size_t>(n_vertices)) {}

  void add(int from, int to, std::int64_t capacity) {
    arcs_of_[static_cast<std::size_t>(from)].push_back(static_cast<int>(arcs_.size()));
    arcs_.push_back({to, capacity});
    arcs_of_[static_cast<std::size_t>(to)].push_back(static_cast<int>(arcs_.size()));
    arcs_.push_back({from, 0});
  }

  std::int64_t run(int source, int sink) {
    std::int64_t value = 0;
    while (find_levels(source) && level_[static_cast<std::size_t>(sink)] >= 0) {
      next_.assign(arcs_of_.size(), 0);
      while (const std::int64_t pushed = push(source, sink)) value += pushed;
    }
    return value;
  }

  /// After run(): whether a vertex could still be reached.
  bool reached(int vertex) const { return level_[static_cast<std::size_t>(vertex)] >= 0; }

 private:
  struct Arc {
    int to;
    std::int64_t left;
  };

  bool find_levels(int source) {
    level_.assign(arcs_of_.size(), -1);
    level_[static_cast<std::size_t>(source)] = 0;
    std::queue<int> open({source});
    for (; !open.empty(); open.pop()) {
      const auto at = static_cast<std::size_t>(open.front());
      for (const int arc : arcs_of_[at]) {
        const auto to = static_cast<std::size_t>(arcs_[static_cast<std::size_t>(arc)].to);
        if (arcs_[static_cast<std::size_t>(arc)].left <= 0 || level_[to] >= 0) continue;
        level_[to] = level_[at] + 1;
        open.push(static_cast<int>(to));
      }
    }
    return true;
  }

  /// One path of the levels, without recursion: networks may be thousands of vertices deep.
  std::int64_t push(int source, int sink) {
    std::vector<int> path;  // of arcs
    int at = source;
    while (at != sink) {
      auto& next = next_[static_cast<std::size_t>(at)];
      const std::vector<int>& arcs = arcs_of_[static_cast<std::size_t>(at)];
      while (next < arcs.size() && !leads_on(arcs[next], at)) ++next;
      if (next < arcs.size()) {
        path.push_back(arcs[next]);
        at = arcs_[static_cast<std::size_t>(arcs[next])].to;
      } else if (path.empty()) {
        return 0;
      } else {  // a dead end: back, and never here again
        at = arcs_[static_cast<std::size_t>(path.back() ^ 1)].to;
        path.pop_back();
        ++next_[static_cast<std::size_t>(at)];
      }
    }
    std::int64_t least = kUnlimited;
    for (const int arc : path) least = std::min(least, arcs_[static_cast<std::size_t>(arc)].left);
    for (const int arc : path) {
      arcs_[static_cast<std::size_t>(arc)].left -= least;
      arcs_[static_cast<std::size_t>(arc ^ 1)].left += least;
    }
    return least;
  }

  bool leads_on(int arc, int at) const {
    const Arc& a = arcs_[static_cast<std::size_t>(arc)];
    return a.left > 0 && level_[static_cast<std::size_t>(a.to)] == level_[static_cast<std::size_t>(at)] + 1;
  }

  std::vector<std::vector<int>> arcs_of_;
  std::vector<Arc> arcs_;  ///< an arc and its reverse are neighbours
  std::vector<int> level_;
  std::vector<std::size_t> next_;
};

/// From one more vertex, which feeds each of `sources` with `supply`; the network's capacities are multiplied.
Flow flow_from(const Network& network, const std::vector<VertexId>& sources, std::int64_t supply, std::int64_t factor,
               VertexId sink) {
  const int source = network.n_vertices();
  Dinic dinic(source + 1);
  for (const Edge& edge : network.edges()) dinic.add(edge.from, edge.to, edge.megabytes_per_s * factor);
  for (const VertexId vertex : sources) dinic.add(source, vertex, supply);
  Flow flow;
  flow.value = dinic.run(source, sink);
  for (VertexId vertex = 0; vertex < source; ++vertex) flow.with_source.push_back(dinic.reached(vertex));
  return flow;
}

/// What the set allows: the capacity of the edges that leave it, by its ranks.
Rate quotient_of(const Network& network, const std::vector<bool>& set) {
  Rate rate{0, 0, set};
  for (const VertexId rank : network.ranks()) rate.denominator += set[static_cast<std::size_t>(rank)] ? 1 : 0;
  for (const Edge& edge : network.edges()) {
    if (set[static_cast<std::size_t>(edge.from)] && !set[static_cast<std::size_t>(edge.to)]) {
      rate.numerator += edge.megabytes_per_s;
    }
  }
  STRETTO_ASSERT(rate.denominator > 0);
  const std::int64_t divisor = std::max<std::int64_t>(1, std::gcd(rate.numerator, rate.denominator));
  rate.numerator /= divisor;
  rate.denominator /= divisor;
  return rate;
}

}  // namespace

Flow max_flow(const Network& network, const std::vector<VertexId>& sources, VertexId sink) {
  return flow_from(network, sources, kUnlimited, 1, sink);
}

Rate all_gather_rate(const Network& network) {
  if (network.n_ranks() < 2) return {kUnlimited, 1, {}};
  // All but the last rank: its own rule is one of those that hold.
  std::vector<bool> all_but_one(static_cast<std::size_t>(network.n_vertices()), false);
  all_but_one[static_cast<std::size_t>(network.ranks().front())] = true;
  Rate rate = quotient_of(network, all_but_one);
  for (std::size_t i = 0; i < network.ranks().size() && rate.numerator > 0;) {
    const Flow flow = flow_from(network, network.ranks(), rate.numerator, rate.denominator, network.ranks()[i]);
    if (flow.value == rate.numerator * network.n_ranks()) {
      ++i;  // all of all ranks reaches this one; a lower rate does so all the more
    } else {
      rate = quotient_of(network, flow.with_source);
    }
  }
  return rate;
}

double all_reduce_seconds(const Network& network, std::uint64_t bytes) {
  if (network.n_ranks() < 2) return 0;
  const double block = static_cast<double>(bytes) / network.n_ranks();
  const double gather = all_gather_rate(network).megabytes_per_s() * 1e6;
  const double reduce = all_gather_rate(network.reversed()).megabytes_per_s() * 1e6;
  return block / gather + block / reduce;
}

double all_reduce_bus_gigabytes_per_s(const Network& network) {
  constexpr std::uint64_t kBytes = std::uint64_t{1} << 30;
  const double n = network.n_ranks();
  return 2 * (n - 1) / n * static_cast<double>(kBytes) / all_reduce_seconds(network, kBytes) / 1e9;
}

}  // namespace stretto::topology
