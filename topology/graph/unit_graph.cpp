#include "topology/graph/unit_graph.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.hpp"
#include "topology/graph/dinic.hpp"

namespace stretto::topology {
namespace {

std::int64_t total(const std::vector<Route>& routes) {
  return std::accumulate(routes.begin(), routes.end(), std::int64_t{0},
                         [](std::int64_t sum, const Route& route) { return sum + route.units; });
}

std::int64_t total(const std::vector<std::int64_t>& units) {
  return std::accumulate(units.begin(), units.end(), std::int64_t{0});
}

/// What joined edges pass twice, they need not pass at all.
void cut_loops(std::vector<VertexId>& vertices) {
  for (std::size_t i = 0; i < vertices.size(); ++i) {
    const auto first = vertices.begin() + static_cast<std::ptrdiff_t>(i);
    const auto last = std::find(vertices.rbegin(), vertices.rend(), vertices[i]).base() - 1;
    vertices.erase(first, last);
  }
}

/// Of the vertices, and one more that feeds each rank with its units.
Dinic fed(const UnitGraph& graph, const std::vector<std::int64_t>& units) {
  Dinic dinic(graph.n_vertices() + 1);
  for (VertexId from = 0; from < graph.n_vertices(); ++from) {
    for (const VertexId to : graph.heads(from)) dinic.add(from, to, graph.units(from, to));
  }
  for (std::size_t rank = 0; rank < graph.ranks().size(); ++rank) {
    if (units[rank] > 0) dinic.add(graph.n_vertices(), graph.ranks()[rank], units[rank]);
  }
  return dinic;
}

}  // namespace

UnitGraph::UnitGraph(const Network& network, double units_per_megabyte)
    : n_vertices_(network.n_vertices()), ranks_(network.ranks()), edges_(static_cast<std::size_t>(n_vertices_)) {
  std::map<std::pair<VertexId, VertexId>, std::int64_t> capacity;
  for (const Edge& edge : network.edges()) capacity[{edge.from, edge.to}] += edge.megabytes_per_s;
  for (const auto& [ends, megabytes] : capacity) {
    const auto back = capacity.find({ends.second, ends.first});
    // As much out of every vertex as into it: without that, relays could not be taken out.
    const std::int64_t both = back == capacity.end() ? 0 : std::min(megabytes, back->second);
    const auto units = static_cast<std::int64_t>(std::floor(static_cast<double>(both) * units_per_megabyte + 1e-6));
    if (units > 0) put(ends.first, ends.second, {units, {ends.first, ends.second}});
  }
  for (VertexId vertex = 0; vertex < n_vertices_; ++vertex) {
    if (network.vertex(vertex).rank < 0) relays_.push_back(vertex);
  }
}

bool UnitGraph::carries(const std::vector<std::int64_t>& units) const {
  const std::int64_t all = total(units);
  return std::ranges::all_of(ranks_, [&](VertexId rank) { return fed(*this, units).run(n_vertices_, rank) == all; });
}

std::int64_t UnitGraph::units(VertexId from, VertexId to) const {
  const auto& out = edges_[static_cast<std::size_t>(from)];
  const auto edge = out.find(to);
  return edge == out.end() ? 0 : total(edge->second);
}

std::vector<VertexId> UnitGraph::heads(VertexId from) const {
  std::vector<VertexId> found;
  for (const auto& edge : edges_[static_cast<std::size_t>(from)]) found.push_back(edge.first);
  return found;
}

std::vector<VertexId> UnitGraph::tails(VertexId to) const {
  std::vector<VertexId> found;
  for (VertexId from = 0; from < n_vertices_; ++from) {
    if (edges_[static_cast<std::size_t>(from)].contains(to)) found.push_back(from);
  }
  return found;
}

std::vector<Route> UnitGraph::take(VertexId from, VertexId to, std::int64_t units) {
  auto& out = edges_[static_cast<std::size_t>(from)];
  const auto edge = out.find(to);
  STRETTO_ASSERT(edge != out.end());
  std::vector<Route> taken;
  while (units > 0) {
    STRETTO_ASSERT(!edge->second.empty());
    Route& last = edge->second.back();
    const std::int64_t some = std::min(units, last.units);
    taken.push_back({some, last.vertices});
    last.units -= some;
    units -= some;
    if (last.units == 0) edge->second.pop_back();
  }
  if (edge->second.empty()) out.erase(edge);
  return taken;
}

void UnitGraph::put(VertexId from, VertexId to, const Route& route) {
  edges_[static_cast<std::size_t>(from)][to].push_back(route);
}

void UnitGraph::remove_relays(const std::vector<std::int64_t>& units) {
  for (const VertexId relay : relays_) remove(relay, units);
}

bool UnitGraph::keep(const std::vector<VertexId>& vertices, std::int64_t units) {
  for (std::size_t i = 0; i + 1 < vertices.size() && units > 0; ++i) {
    const VertexId from = vertices[i];
    const VertexId to = vertices[i + 1];
    if (std::min(this->units(from, to), this->units(to, from)) < units) return false;
    take(from, to, units);
    take(to, from, units);
  }
  return true;
}

void UnitGraph::remove(VertexId relay, const std::vector<std::int64_t>& of_ranks) {
  std::vector<VertexId> around = tails(relay);
  for (const VertexId head : heads(relay)) {
    if (std::ranges::find(around, head) == around.end()) around.push_back(head);
  }
  if (around.size() == 2) {
    // What comes from one side can only go to the other: no cut has to be looked at.
    for (const auto& [from, to] : {std::pair(around[0], around[1]), std::pair(around[1], around[0])}) {
      const std::int64_t some = std::min(this->units(from, relay), this->units(relay, to));
      if (some > 0) split(from, relay, to, some);
    }
    edges_[static_cast<std::size_t>(relay)].clear();
  } else if (around.size() < 2) {
    edges_[static_cast<std::size_t>(relay)].clear();
  }
  for (const VertexId to : heads(relay)) STRETTO_ASSERT(empty_edge(relay, to, of_ranks));
  // What still comes in leads nowhere.
  for (const VertexId from : tails(relay)) edges_[static_cast<std::size_t>(from)].erase(relay);
}

/// Joins all units of the edge with edges into the relay: evenly with those from elsewhere, so that trees become flat;
/// what comes from where it goes to is of no use, and only taken at last.
bool UnitGraph::empty_edge(VertexId relay, VertexId to, const std::vector<std::int64_t>& of_ranks) {
  std::vector<VertexId> sources = tails(relay);
  std::erase(sources, to);
  for (bool moved = true; moved;) {
    moved = false;
    const std::int64_t left = this->units(relay, to);
    const std::int64_t share = std::max<std::int64_t>(1, left / std::max<std::int64_t>(1, std::ssize(sources)));
    for (const VertexId from : sources) {
      const std::int64_t some = std::min(share, splittable(from, relay, to, of_ranks));
      if (some > 0) split(from, relay, to, some);
      moved = moved || some > 0;
    }
  }
  const std::int64_t rest = this->units(relay, to);
  if (rest > 0) split(to, relay, to, std::min(rest, splittable(to, relay, to, of_ranks)));
  return this->units(relay, to) == 0;
}

/// How many units of the two edges can become one without taking from any cut that has nothing to spare. A set of
/// vertices that holds a rank must let in what ranks outside of it have. It loses by the
/// joining if the relay alone of the three is in it, or the relay alone is not.
std::int64_t UnitGraph::splittable(VertexId from, VertexId relay, VertexId to,
                                   const std::vector<std::int64_t>& of_ranks) const {
  std::int64_t most = std::min(this->units(from, relay), this->units(relay, to));
  if (most == 0) return 0;
  const std::int64_t all = total(of_ranks);
  for (std::size_t i = 0; i < ranks_.size() && most > 0; ++i) {
    const VertexId rank = ranks_[i];
    if (rank != from && rank != to) {  // the relay and the rank inside
      Dinic dinic = fed(*this, of_ranks);
      dinic.add(n_vertices_, from, kUnlimited);
      dinic.add(n_vertices_, to, kUnlimited);
      dinic.add(relay, rank, kUnlimited);
      most = std::min(most, dinic.run(n_vertices_, rank) - all);
    }
    Dinic dinic = fed(*this, of_ranks);  // the two ends and the rank inside
    dinic.add(n_vertices_, relay, kUnlimited);
    if (from != rank) dinic.add(from, rank, kUnlimited);
    if (to != rank) dinic.add(to, rank, kUnlimited);
    most = std::min(most, dinic.run(n_vertices_, rank) - all);
  }
  return std::max<std::int64_t>(most, 0);
}

void UnitGraph::split(VertexId from, VertexId relay, VertexId to, std::int64_t units) {
  std::vector<Route> in = take(from, relay, units);
  std::vector<Route> out = take(relay, to, units);
  if (from == to) return;  // there and back: the units are spared
  while (!in.empty()) {
    const std::int64_t some = std::min(in.back().units, out.back().units);
    Route whole{some, in.back().vertices};
    whole.vertices.insert(whole.vertices.end(), out.back().vertices.begin() + 1, out.back().vertices.end());
    cut_loops(whole.vertices);
    put(from, to, whole);
    for (std::vector<Route>* part : {&in, &out}) {
      part->back().units -= some;
      if (part->back().units == 0) part->pop_back();
    }
  }
}

}  // namespace stretto::topology
