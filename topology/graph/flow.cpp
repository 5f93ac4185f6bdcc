#include "topology/graph/flow.hpp"

#include <algorithm>
#include <numeric>

#include "base/error.hpp"
#include "topology/graph/dinic.hpp"

namespace stretto::topology {
namespace {

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
