#include "plan/lower_bound.hpp"

#include <algorithm>
#include <limits>

#include "topology/graph/flow.hpp"

namespace stretto {
namespace {

using topology::Network;
using topology::VertexId;

/// From the root to each: the sum of all, turned round.
double one_to_all(const Network& network, VertexId root, const std::vector<VertexId>& others) {
  double least = std::numeric_limits<double>::infinity();
  for (const VertexId other : others.empty() ? network.ranks() : others) {
    if (other == root) continue;
    least = std::min(least, static_cast<double>(topology::max_flow(network, {root}, other).value));
  }
  return 1 / least;
}

struct Part {
  std::int64_t ranks = 0;
  std::int64_t out = 0;  ///< megabytes per second to the outside
  std::int64_t in = 0;
};

std::vector<Part> parts_of(const Network& network, const std::vector<std::int32_t>& part_of) {
  std::vector<Part> parts;
  const auto part_at = [&](VertexId vertex) { return part_of[static_cast<std::size_t>(vertex)]; };
  for (const std::int32_t number : part_of) {
    if (number >= static_cast<std::int32_t>(parts.size())) parts.resize(static_cast<std::size_t>(number) + 1);
  }
  for (const VertexId rank : network.ranks()) {
    if (part_at(rank) >= 0) ++parts[static_cast<std::size_t>(part_at(rank))].ranks;
  }
  for (const topology::Edge& edge : network.edges()) {
    if (part_at(edge.from) == part_at(edge.to)) continue;
    if (part_at(edge.from) >= 0) parts[static_cast<std::size_t>(part_at(edge.from))].out += edge.megabytes_per_s;
    if (part_at(edge.to) >= 0) parts[static_cast<std::size_t>(part_at(edge.to))].in += edge.megabytes_per_s;
  }
  return parts;
}

/// Ranks alone, each a part.
std::vector<std::int32_t> each_rank(const Network& network) {
  std::vector<std::int32_t> part_of(static_cast<std::size_t>(network.n_vertices()), -1);
  for (std::size_t i = 0; i < network.ranks().size(); ++i) {
    part_of[static_cast<std::size_t>(network.ranks()[i])] = static_cast<std::int32_t>(i);
  }
  return part_of;
}

double all_to_all_part(const Network& network, const std::vector<std::int32_t>& part_of) {
  double most = 0;
  for (const Part& part : parts_of(network, part_of)) {
    const double blocks = static_cast<double>(part.ranks) * static_cast<double>(network.n_ranks() - part.ranks);
    if (blocks > 0) most = std::max(most, blocks / static_cast<double>(std::min(part.out, part.in)));
  }
  return most;
}

double all_reduce_part(const Network& network, const std::vector<std::int32_t>& part_of) {
  double out = 0;
  double in = 0;
  const std::vector<Part> parts = parts_of(network, part_of);
  for (const Part& part : parts) out += static_cast<double>(part.out), in += static_cast<double>(part.in);
  return parts.size() < 2 ? 0 : 2 * static_cast<double>(parts.size() - 1) / std::min(out, in);
}

double all_to_all(const Network& network, const BoundScope& scope) {
  double most = all_to_all_part(network, each_rank(network));
  for (const auto& part_of : scope.partitions) most = std::max(most, all_to_all_part(network, part_of));
  return most;
}

double all_reduce(const Network& network, const BoundScope& scope) {
  double most = topology::all_reduce_least_seconds(network, 1'000'000, scope.others);
  for (const auto& part_of : scope.partitions) most = std::max(most, all_reduce_part(network, part_of));
  return most;
}

}  // namespace

double least_seconds(Collective collective, Rank root, std::uint64_t block_bytes, const Network& network,
                     const BoundScope& scope) {
  if (network.n_ranks() < 2) return 0;
  const double megabytes = static_cast<double>(block_bytes) / 1e6;
  const VertexId at_root = root >= 0 ? network.ranks()[static_cast<std::size_t>(root)] : -1;
  switch (row_of(collective).planned_as) {
    case Collective::all_gather:
      return megabytes / topology::all_gather_rate(network, scope.others).megabytes_per_s();
    case Collective::reduce_scatter:
      return megabytes / topology::all_gather_rate(network.reversed(), scope.others).megabytes_per_s();
    case Collective::broadcast:
      return megabytes * one_to_all(network, at_root, scope.others);
    case Collective::reduce:
      return megabytes * one_to_all(network.reversed(), at_root, scope.others);
    case Collective::gather:
      return megabytes / topology::all_gather_rate(network, {at_root}).megabytes_per_s();
    case Collective::scatter:
      return megabytes / topology::all_gather_rate(network.reversed(), {at_root}).megabytes_per_s();
    case Collective::all_to_all:
      return megabytes * all_to_all(network, scope);
    default:
      return megabytes * all_reduce(network, scope);
  }
}

}  // namespace stretto
