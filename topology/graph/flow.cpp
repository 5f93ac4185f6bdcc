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

std::int64_t sent_by_ranks(const Network& network) {
  std::int64_t sum = 0;
  for (const Edge& edge : network.edges()) sum += network.vertex(edge.from).rank >= 0 ? edge.megabytes_per_s : 0;
  return sum;
}

/// Of all cuts that part ranks, in either direction.
std::int64_t least_cut(const Network& network, const std::vector<VertexId>& others) {
  std::int64_t least = kUnlimited;
  const VertexId first = network.ranks().front();
  for (const VertexId other : others.empty() ? network.ranks() : others) {
    if (other == first) continue;
    least = std::min({least, max_flow(network, {first}, other).value, max_flow(network, {other}, first).value});
  }
  return least;
}

}  // namespace

Flow max_flow(const Network& network, const std::vector<VertexId>& sources, VertexId sink) {
  return flow_from(network, sources, kUnlimited, 1, sink);
}

std::vector<std::int32_t> isolating_parts(const Network& network) {
  const int sink = network.n_vertices();
  std::vector<std::int32_t> part(static_cast<std::size_t>(sink), -1);
  for (std::size_t rank = 0; rank < network.ranks().size(); ++rank) {
    Dinic dinic(sink + 1);
    for (const Edge& edge : network.edges()) dinic.add(edge.from, edge.to, edge.megabytes_per_s);
    const VertexId own = network.ranks()[rank];
    for (const VertexId other : network.ranks()) {
      if (other != own) dinic.add(other, sink, kUnlimited);
    }
    dinic.run(own, sink);
    for (VertexId vertex = 0; vertex < sink; ++vertex) {
      std::int32_t& of_vertex = part[static_cast<std::size_t>(vertex)];
      if (dinic.reached(vertex) && of_vertex < 0) of_vertex = static_cast<std::int32_t>(rank);
    }
  }
  return part;
}

Rate all_gather_rate(const Network& network, const std::vector<VertexId>& receivers) {
  if (network.n_ranks() < 2) return {kUnlimited, 1, {}};
  const std::vector<VertexId>& sinks = receivers.empty() ? network.ranks() : receivers;
  // A rank alone that is not the only receiver: one of the sets that count, to begin with.
  const bool takes_second = sinks.size() == 1 && sinks.front() == network.ranks().front();
  std::vector<bool> one_alone(static_cast<std::size_t>(network.n_vertices()), false);
  one_alone[static_cast<std::size_t>(network.ranks()[takes_second ? 1 : 0])] = true;
  Rate rate = quotient_of(network, one_alone);
  for (std::size_t i = 0; i < sinks.size() && rate.numerator > 0;) {
    const Flow flow = flow_from(network, network.ranks(), rate.numerator, rate.denominator, sinks[i]);
    if (flow.value == rate.numerator * network.n_ranks()) {
      ++i;  // all of all ranks reaches this one; a lower rate does so all the more
    } else {
      rate = quotient_of(network, flow.with_source);
    }
  }
  return rate;
}

double all_reduce_least_seconds(const Network& network, std::uint64_t bytes, const std::vector<VertexId>& others) {
  if (network.n_ranks() < 2) return 0;
  const double sent = 2.0 * (network.n_ranks() - 1) / static_cast<double>(sent_by_ranks(network));
  const double cut = 1.0 / static_cast<double>(least_cut(network, others));
  return static_cast<double>(bytes) * std::max(sent, cut) / 1e6;
}

double all_reduce_bus_gigabytes_per_s(const Network& network) {
  if (network.n_ranks() < 2) return 0;
  const double n = network.n_ranks();
  return 2 * (n - 1) / n / (all_reduce_least_seconds(network, 1'000'000'000));
}

}  // namespace stretto::topology
