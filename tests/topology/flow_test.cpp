// Bounds against counting: every set of vertices of small networks is looked at.
#include "topology/graph/flow.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "networks.hpp"

namespace stretto::topology {
namespace {

constexpr int kNetworks = 150;

bool is_in(unsigned set, VertexId vertex) { return (set >> static_cast<unsigned>(vertex) & 1U) != 0; }

std::int64_t leaving(const Network& network, unsigned set) {
  std::int64_t capacity = 0;
  for (const Edge& edge : network.edges()) {
    if (is_in(set, edge.from) && !is_in(set, edge.to)) capacity += edge.megabytes_per_s;
  }
  return capacity;
}

int ranks_in(const Network& network, unsigned set) {
  int n = 0;
  for (const VertexId rank : network.ranks()) n += is_in(set, rank) ? 1 : 0;
  return n;
}

/// The least quotient over all sets, by looking at each.
Rate counted_rate(const Network& network) {
  Rate least{1 << 30, 1, {}};
  for (unsigned set = 1; set < 1U << static_cast<unsigned>(network.n_vertices()); ++set) {
    const int inside = ranks_in(network, set);
    if (inside == 0 || inside == network.n_ranks()) continue;
    const std::int64_t capacity = leaving(network, set);
    if (capacity * least.denominator < least.numerator * inside) least = {capacity, inside, {}};
  }
  const std::int64_t divisor = std::max<std::int64_t>(1, std::gcd(least.numerator, least.denominator));
  return {least.numerator / divisor, least.denominator / divisor, {}};
}

TEST(Flow, RandomNetworks_HaveTheLeastCut) {
  std::mt19937_64 random(20261127);
  for (int turn = 0; turn < kNetworks; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 4, turn % 5, turn % 2 == 0);
    const VertexId sink = network.ranks().back();
    const Flow flow = max_flow(network, {network.ranks().front()}, sink);
    std::int64_t least = 1 << 30;
    for (unsigned set = 0; set < 1U << static_cast<unsigned>(network.n_vertices()); ++set) {
      if (is_in(set, network.ranks().front()) && !is_in(set, sink)) least = std::min(least, leaving(network, set));
    }
    EXPECT_EQ(flow.value, least);
    unsigned side = 0;
    for (std::size_t i = 0; i < flow.with_source.size(); ++i) side |= flow.with_source[i] ? 1U << i : 0U;
    EXPECT_TRUE(is_in(side, network.ranks().front()));
    EXPECT_FALSE(is_in(side, sink));
    EXPECT_EQ(leaving(network, side), least);
  }
}

TEST(Flow, RandomNetworks_GatherAtTheLeastQuotientOfAllSets) {
  std::mt19937_64 random(7);
  for (int turn = 0; turn < kNetworks; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 5, turn % 5, turn % 2 == 0);
    const Rate rate = all_gather_rate(network);
    const Rate counted = counted_rate(network);
    EXPECT_EQ(rate.numerator, counted.numerator);
    EXPECT_EQ(rate.denominator, counted.denominator);
    unsigned set = 0;
    for (std::size_t i = 0; i < rate.bottleneck.size(); ++i) set |= rate.bottleneck[i] ? 1U << i : 0U;
    EXPECT_EQ(leaving(network, set) * rate.denominator, rate.numerator * ranks_in(network, set));
  }
}

TEST(Flow, RanksThatAreNotJoined_HaveNoRate) {
  Network network = ring_of(4, 10);
  network.add_rank("alone");
  EXPECT_EQ(all_gather_rate(network).numerator, 0);
  EXPECT_TRUE(std::isinf(all_reduce_least_seconds(network, 1000)));
}

/// By looking at every set: what crosses a cut, and what ranks send.
TEST(Flow, AllReduce_IsHeldUpByTheLeastCutOrByWhatRanksSend) {
  std::mt19937_64 random(21);
  for (int turn = 0; turn < kNetworks; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 5, turn % 5, turn % 2 == 0);
    double least = 1e30;
    for (unsigned set = 1; set < 1U << static_cast<unsigned>(network.n_vertices()); ++set) {
      const int inside = ranks_in(network, set);
      if (inside > 0 && inside < network.n_ranks()) least = std::min(least, static_cast<double>(leaving(network, set)));
    }
    double sent = 0;
    for (const Edge& edge : network.edges()) {
      sent += network.vertex(edge.from).rank >= 0 ? static_cast<double>(edge.megabytes_per_s) : 0;
    }
    const double expected = std::max(1 / least, 2.0 * (network.n_ranks() - 1) / sent);
    EXPECT_NEAR(all_reduce_least_seconds(network, 1'000'000), expected, expected * 1e-12);
  }
}

TEST(Flow, Line_IsUsedBothWaysAtOnce) {
  Network network;
  for (int rank = 0; rank < 3; ++rank) network.add_rank("rank");
  network.add_both_ways(0, 1, 1000);
  network.add_both_ways(1, 2, 1000);
  EXPECT_DOUBLE_EQ(all_reduce_least_seconds(network, 1'000'000'000), 1);
}

TEST(Flow, OneRank_NeedsNothing) { EXPECT_EQ(all_reduce_least_seconds(star(1, 10), 1000), 0); }

TEST(Flow, Switch_GivesEachPortsSpeed) {
  for (const int n : {2, 3, 8, 64}) {
    EXPECT_DOUBLE_EQ(all_reduce_bus_gigabytes_per_s(star(n, 450'000)), 450) << n;
  }
}

TEST(Flow, Ring_IsUsedBothWays) { EXPECT_DOUBLE_EQ(all_reduce_bus_gigabytes_per_s(ring_of(8, 25'000)), 50); }

/// A slower way in than out: gathering is held up by it, and reducing is not.
TEST(Flow, Directions_MayDiffer) {
  Network network;
  const VertexId hub = network.add_relay("switch");
  for (int rank = 0; rank < 3; ++rank) {
    const VertexId vertex = network.add_rank("rank");
    network.add_edge(vertex, hub, 12);
    network.add_edge(hub, vertex, rank == 0 ? 4 : 12);
  }
  EXPECT_DOUBLE_EQ(all_gather_rate(network).megabytes_per_s(), 2);
  EXPECT_DOUBLE_EQ(all_gather_rate(network.reversed()).megabytes_per_s(),
                   4);  // two blocks leave rank 0 by the slow way
}

/// A large one: 32 switches with 8 ranks each below another. A host's blocks come in once, and are passed on inside:
/// its uplink holds it up only where it is slower than one rank's own port.
TEST(Flow, TwoLevels_AreHeldUpByTheUplinkOrByTheRanksPorts) {
  for (const std::int64_t uplink : {40'000, 200'000}) {
    Network network;
    const VertexId spine = network.add_relay("spine");
    for (int host = 0; host < 32; ++host) {
      const VertexId leaf = network.add_relay("leaf");
      network.add_both_ways(leaf, spine, uplink);
      for (int rank = 0; rank < 8; ++rank) network.add_both_ways(network.add_rank("rank"), leaf, 50'000);
    }
    const double by_uplink = static_cast<double>(uplink) / (256 - 8);
    EXPECT_DOUBLE_EQ(all_gather_rate(network).megabytes_per_s(), std::min(by_uplink, 50'000.0 / 255));
  }
}

TEST(IsolatingParts, RandomNetworks_AreBehindLeastCuts) {
  std::mt19937_64 random(8);
  for (int turn = 0; turn < kNetworks; ++turn) {
    SCOPED_TRACE(turn);
    const Network network = random_network(random, 2 + turn % 4, turn % 5, true);
    const std::vector<std::int32_t> part = isolating_parts(network);
    for (int rank = 0; rank < network.n_ranks(); ++rank) {
      unsigned set = 0;
      for (VertexId vertex = 0; vertex < network.n_vertices(); ++vertex) {
        if (part[static_cast<std::size_t>(vertex)] == rank) set |= 1U << static_cast<unsigned>(vertex);
      }
      ASSERT_TRUE(is_in(set, network.ranks()[static_cast<std::size_t>(rank)]));
      ASSERT_EQ(ranks_in(network, set), 1);
      std::int64_t least = leaving(network, set);
      for (unsigned other = 1; other < 1U << static_cast<unsigned>(network.n_vertices()); ++other) {
        if (!is_in(other, network.ranks()[static_cast<std::size_t>(rank)]) || ranks_in(network, other) != 1) continue;
        EXPECT_GE(leaving(network, other), least);
      }
    }
  }
}

}  // namespace
}  // namespace stretto::topology
