// Networks for tests: those whose bounds are known, and random ones.
#pragma once

#include <random>
#include <string>

#include "topology/graph/network.hpp"

namespace stretto::topology {

/// n ranks at one switch.
inline Network star(int n_ranks, std::int64_t megabytes_per_s) {
  Network network;
  const VertexId hub = network.add_relay("switch");
  for (int rank = 0; rank < n_ranks; ++rank) {
    network.add_both_ways(network.add_rank("rank " + std::to_string(rank)), hub, megabytes_per_s);
  }
  return network;
}

/// n ranks around a ring, both ways.
inline Network ring_of(int n_ranks, std::int64_t megabytes_per_s) {
  Network network;
  for (int rank = 0; rank < n_ranks; ++rank) network.add_rank("rank " + std::to_string(rank));
  for (int rank = 0; rank < n_ranks; ++rank) {
    network.add_both_ways(network.ranks()[static_cast<std::size_t>(rank)],
                          network.ranks()[static_cast<std::size_t>((rank + 1) % n_ranks)], megabytes_per_s);
  }
  return network;
}

/// Ranks and relays, joined at random: as many edges as vertices on average, and each rank to the next both ways.
inline Network random_network(std::mt19937_64& random, int n_ranks, int n_relays, bool symmetric) {
  Network network = n_ranks > 1 ? ring_of(n_ranks, 1 + static_cast<std::int64_t>(random() % 5)) : Network();
  for (int relay = 0; relay < n_relays; ++relay) network.add_relay("relay " + std::to_string(relay));
  const auto any = [&] { return static_cast<VertexId>(random() % static_cast<unsigned>(network.n_vertices())); };
  for (int edge = 0; edge < 3 * network.n_vertices(); ++edge) {
    const VertexId from = any();
    const VertexId to = any();
    const auto capacity = static_cast<std::int64_t>(random() % 12);
    if (from == to) continue;
    symmetric ? network.add_both_ways(from, to, capacity) : network.add_edge(from, to, capacity);
  }
  return network;
}

}  // namespace stretto::topology
