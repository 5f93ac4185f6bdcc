// Packed trees against what they promise: looked at edge by edge, and their pace against the bound.
#include "topology/graph/forest.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <map>
#include <random>
#include <set>

#include "base/error.hpp"
#include "networks.hpp"

namespace stretto::topology {
namespace {

using Ends = std::pair<VertexId, VertexId>;

/// Adds what a route loads, after looking at it: it joins the two ranks, by edges that are there, through relays
/// only... or through ranks, which no tree needs and none may have.
void add_route(const Network& network, const TreeEdge& edge, const Route& route, std::map<Ends, std::int64_t>& load) {
  ASSERT_GE(route.vertices.size(), 2U);
  EXPECT_GT(route.units, 0);
  EXPECT_EQ(network.vertex(route.vertices.front()).rank, edge.from);
  EXPECT_EQ(network.vertex(route.vertices.back()).rank, edge.to);
  EXPECT_EQ(std::set<VertexId>(route.vertices.begin(), route.vertices.end()).size(), route.vertices.size()) << "a loop";
  for (std::size_t i = 0; i + 1 < route.vertices.size(); ++i) {
    EXPECT_TRUE(i == 0 || network.vertex(route.vertices[i]).rank < 0);
    load[{route.vertices[i], route.vertices[i + 1]}] += route.units;
  }
}

void check_tree(const Network& network, const Tree& tree, std::map<Ends, std::int64_t>& load) {
  std::set<std::int32_t> reached{tree.root};
  for (const TreeEdge& edge : tree.edges) {
    EXPECT_TRUE(reached.contains(edge.from));
    EXPECT_TRUE(reached.insert(edge.to).second);
    std::int64_t units = 0;
    for (const Route& route : edge.routes) {
      units += route.units;
      add_route(network, edge, route, load);
    }
    EXPECT_EQ(units, tree.units);
  }
  EXPECT_EQ(reached.size(), network.ranks().size());
}

void check(const Network& network, const Forest& forest, std::size_t n_roots) {
  std::map<Ends, std::int64_t> load;
  std::map<std::int32_t, std::int64_t> units;
  for (const Tree& tree : forest.trees) {
    check_tree(network, tree, load);
    units[tree.root] += tree.units;
  }
  EXPECT_EQ(units.size(), n_roots);
  for (const auto& [root, sum] : units) EXPECT_EQ(sum, forest.units_per_root) << root;
  std::map<Ends, std::int64_t> capacity;
  for (const Edge& edge : network.edges()) capacity[{edge.from, edge.to}] += edge.megabytes_per_s;
  for (const auto& [ends, carried] : load) {
    ASSERT_TRUE(capacity.contains(ends));
    EXPECT_LE(static_cast<double>(carried) * forest.unit_megabytes_per_s,
              static_cast<double>(capacity[ends]) * (1 + 1e-5));
  }
}

void check(const Network& network, const Forest& forest) { check(network, forest, network.ranks().size()); }

TEST(Forest, RandomNetworks_ReachTheBound) {
  std::mt19937_64 random(11);
  for (int turn = 0; turn < 50; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 5, turn % 4, true);
    const Forest forest = pack_trees(network, {.units_per_root = 1000});
    check(network, forest);
    EXPECT_NEAR(forest.rate_megabytes_per_s(), all_gather_rate(network).megabytes_per_s(), 1e-9);
  }
}

TEST(Forest, FewTrees_AreTheBestThatFewCanBe) {
  std::mt19937_64 random(12);
  for (int turn = 0; turn < 20; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 5, turn % 4, true);
    double before = 0;
    for (const std::int64_t most : {1, 2, 8}) {
      const Forest forest = pack_trees(network, {.units_per_root = most});
      check(network, forest);
      EXPECT_LE(forest.units_per_root, most);
      EXPECT_GE(forest.rate_megabytes_per_s(), before * (1 - 1e-5));
      EXPECT_LE(forest.rate_megabytes_per_s(), all_gather_rate(network).megabytes_per_s() * (1 + 1e-5));
      before = forest.rate_megabytes_per_s();
    }
  }
}

/// Edmonds' theorem: as much as the narrowest place between the root and any other lets through.
TEST(Forest, OfOneRoot_ReachesWhatTheFurthestRankCanGet) {
  std::mt19937_64 random(14);
  for (int turn = 0; turn < 50; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 5, turn % 4, true);
    const auto root = static_cast<std::int32_t>(random() % network.ranks().size());
    std::int64_t least = std::numeric_limits<std::int64_t>::max();
    for (const VertexId other : network.ranks()) {
      const VertexId from = network.ranks()[static_cast<std::size_t>(root)];
      if (other != from) least = std::min(least, max_flow(network, {from}, other).value);
    }
    const Forest forest = pack_trees_of(network, root, {.units_per_root = 1000});
    check(network, forest, 1);
    for (const Tree& tree : forest.trees) EXPECT_EQ(tree.root, root);
    EXPECT_NEAR(forest.rate_megabytes_per_s(), static_cast<double>(least), 1e-9);
  }
}

TEST(Forest, DirectionsThatDiffer_AreUsedAsFarAsTheSlower) {
  std::mt19937_64 random(13);
  for (int turn = 0; turn < 20; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 4, turn % 3, false);
    check(network, pack_trees(network));
  }
}

TEST(Forest, Switch_HasOneFlatTreePerRank) {
  const Network network = star(8, 450'000);
  const Forest forest = pack_trees(network);
  check(network, forest);
  EXPECT_EQ(forest.units_per_root, 1);
  EXPECT_DOUBLE_EQ(forest.rate_megabytes_per_s(), 450'000.0 / 7);
}

TEST(Forest, Ring_IsUsedBothWays) {
  const Network network = ring_of(5, 10);
  const Forest forest = pack_trees(network);
  check(network, forest);
  EXPECT_DOUBLE_EQ(forest.rate_megabytes_per_s(), 20.0 / 4);
}

/// Eight GPUs of two quads, each with links to its quad (one or two each) and two across, as in the first DGX: no
/// switch.
TEST(Forest, HybridCube_ReachesTheBound) {
  Network network;
  for (int rank = 0; rank < 8; ++rank) network.add_rank("GPU");
  const auto join = [&](int a, int b, int links) { network.add_both_ways(a, b, links * 25'000); };
  for (const int quad : {0, 4}) {
    join(quad, quad + 1, 1), join(quad, quad + 2, 1), join(quad, quad + 3, 2);
    join(quad + 1, quad + 2, 2), join(quad + 1, quad + 3, 1), join(quad + 2, quad + 3, 1);
  }
  for (int rank = 0; rank < 4; ++rank) join(rank, rank + 4, 2);
  const Forest forest = pack_trees(network, {.units_per_root = 64});
  check(network, forest);
  EXPECT_NEAR(forest.rate_megabytes_per_s(), all_gather_rate(network).megabytes_per_s(), 1e-6);
}

/// Speeds without a common divisor: 16 ranks on four PCI switches of two sockets.
TEST(Forest, PciBox_ComesNearTheBoundWithFewTrees) {
  Network network;
  std::vector<VertexId> sockets{network.add_relay("socket"), network.add_relay("socket")};
  network.add_both_ways(sockets[0], sockets[1], 20'800);
  for (int pci = 0; pci < 4; ++pci) {
    const VertexId bridge = network.add_relay("switch");
    network.add_both_ways(bridge, sockets[static_cast<std::size_t>(pci / 2)], 31'508);
    for (int gpu = 0; gpu < 4; ++gpu) network.add_both_ways(network.add_rank("GPU"), bridge, 15'754);
  }
  const Forest forest = pack_trees(network);
  check(network, forest);
  EXPECT_GE(forest.rate_megabytes_per_s(), 0.9 * all_gather_rate(network).megabytes_per_s());
}

TEST(Forest, RanksThatAreNotJoined_AreRefused) {
  Network network = ring_of(4, 10);
  const VertexId alone = network.add_rank("alone");
  network.add_edge(alone, network.ranks().front(), 5);  // out, and no way in
  EXPECT_THROW(pack_trees(network), Error);
}

/// What trees and ways out take together, each way, of an all-reduce over so many hosts.
void check(const Network& network, const std::vector<Gate>& gates, const HostTrees& packed, int n_hosts) {
  std::map<Ends, std::int64_t> units;
  std::map<std::int32_t, std::int64_t> begun;
  for (const Tree& tree : packed.trees) {
    check_tree(network, tree, units);
    begun[tree.root] += tree.units;
  }
  std::map<Ends, double> load;
  for (const auto& [ends, carried] : units) {
    load[ends] += static_cast<double>(carried);
    load[{ends.second, ends.first}] += static_cast<double>(carried);
  }
  const double edges = 2.0 * (n_hosts - 1) / n_hosts;
  for (const Gate& gate : gates) {
    EXPECT_EQ(begun[gate.rank], gate.units);
    for (std::size_t i = 0; i + 1 < gate.way_out.size(); ++i) {
      for (const Ends& ends :
           {Ends(gate.way_out[i], gate.way_out[i + 1]), Ends(gate.way_out[i + 1], gate.way_out[i])}) {
        load[ends] += edges * static_cast<double>(gate.units);
      }
    }
    EXPECT_LE(packed.unit_megabytes_per_s * edges * static_cast<double>(gate.units),
              static_cast<double>(gate.megabytes_per_s) * (1 + 1e-5));
  }
  std::map<Ends, double> capacity;
  for (const Edge& edge : network.edges()) {
    capacity[{edge.from, edge.to}] += static_cast<double>(edge.megabytes_per_s);
  }
  for (const auto& [ends, taken] : load) {
    EXPECT_LE(taken * packed.unit_megabytes_per_s, capacity[ends] * (1 + 1e-5));
  }
}

/// A NIC at each other rank, by a link of its own.
struct HostOfTest {
  Network network;
  std::vector<Gate> gates;
};

HostOfTest host_with_nics(Network network, std::int64_t link, std::int64_t port, std::int64_t units) {
  std::vector<Gate> gates;
  for (std::int32_t rank = 0; rank < network.n_ranks(); rank += 2) {
    const VertexId at = network.ranks()[static_cast<std::size_t>(rank)];
    const VertexId nic = network.add_relay("NIC");
    network.add_both_ways(at, nic, link);
    gates.push_back({rank, units, {at, nic}, port});
  }
  return {std::move(network), std::move(gates)};
}

TEST(HostTrees, RandomHosts_OverloadNothing) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    Network network = random_network(random, static_cast<int>(2 + seed % 5), static_cast<int>(seed % 4), true);
    const auto link = static_cast<std::int64_t>(1 + random() % 50);
    HostOfTest host = host_with_nics(std::move(network), link, static_cast<std::int64_t>(1 + random() % 100),
                                     static_cast<std::int64_t>(1 + random() % 4));
    // NICs behind a rank's only way: what leaves shares it with the trees.
    const auto n_hosts = static_cast<std::int64_t>(2 + random() % 20);
    check(host.network, host.gates, pack_host_trees(host.network, host.gates, n_hosts), static_cast<int>(n_hosts));
  }
}

TEST(HostTrees, NarrowPorts_AreAllThatHoldsThemUp) {
  const HostOfTest host = host_with_nics(star(4, 1000), 1000, 40, 2);
  const HostTrees packed = pack_host_trees(host.network, host.gates, 16);
  check(host.network, host.gates, packed, 16);
  EXPECT_NEAR(packed.unit_megabytes_per_s, 40.0 / (2 * 2 * 15.0 / 16), 1e-3);
}

TEST(HostTrees, WhatIsSharedWithTheWayOut_IsKeptForIt) {
  // Two ranks joined by 100 each way, over which the second one's bytes leave by the first one's NIC, too.
  Network network;
  const VertexId a = network.add_rank("a");
  const VertexId b = network.add_rank("b");
  network.add_both_ways(a, b, 100);
  const VertexId nic = network.add_relay("NIC");
  network.add_both_ways(a, nic, 1000);
  const std::vector<Gate> gates{{0, 4, {a, nic}, 1000}, {1, 4, {b, a, nic}, 1000}};
  const HostTrees packed = pack_host_trees(network, gates, 2);
  check(network, gates, packed, 2);
  EXPECT_NEAR(packed.unit_megabytes_per_s, 100.0 / 12, 1e-2);  // each way 8 of trees and 4 that leave
}

TEST(Forest, OneRank_NeedsNoTree) { EXPECT_TRUE(pack_trees(star(1, 10)).trees.empty()); }

}  // namespace
}  // namespace stretto::topology
