// The simulator against what can be worked out by hand, and against the bound that no plan can beat.
#include "plan/simulator.hpp"

#include <gtest/gtest.h>

#include <string>

#include "algorithms/catalogue.hpp"
#include "algorithms/forest/packed.hpp"
#include "base/error.hpp"
#include "plan/lower_bound.hpp"
#include "topology/graph/flow.hpp"
#include "topology/networks.hpp"

namespace stretto {
namespace {

using topology::Network;
using topology::ring_of;
using topology::star;

std::vector<Plan> plans_of(const PlanSpec& spec) {
  std::vector<Plan> plans;
  for (Rank rank = 0; rank < spec.n_ranks; ++rank) plans.push_back(make_plan(spec, rank));
  return plans;
}

Simulation run(const PlanSpec& spec, std::uint64_t block_bytes, Routes& routes, SimulatedMachine machine = {}) {
  machine.routes = &routes;
  return simulate(plans_of(spec), block_bytes, machine);
}

/// Two links of 1 GB/s, one message of 1 MB each way: its bytes, the latency until it is noticed, and until the sender
/// knows that it has been read.
TEST(Simulator, TwoRanks_TakeTheirBytesAndLatencies) {
  const Network network = star(2, 1000);
  Routes routes(network);
  const Simulation simulation =
      run({Collective::all_gather, "one_shot", 2, -1, 1}, 1'000'000, routes, {.latency_s = 5e-6});
  EXPECT_NEAR(simulation.seconds, 1e-3 + 2 * 5e-6, 1e-9);
  EXPECT_EQ(simulation.messages, 2U);
  for (const double bytes : simulation.link_bytes) EXPECT_NEAR(bytes, 1e6, 1);
}

TEST(Simulator, LocalWork_TakesItsTimeBesides) {
  const Network network = star(2, 1000);
  Routes routes(network);
  const SimulatedMachine machine{.latency_s = 0, .local_bytes_per_s = 2e9};
  // A copy of the own block and one out of the slot, 0.5 ms each; the first is made while the message is waited for.
  const double seconds = run({Collective::all_gather, "one_shot", 2, -1, 1}, 1'000'000, routes, machine).seconds;
  EXPECT_GE(seconds, 1.5e-3 - 1e-9);
  EXPECT_LE(seconds, 2e-3 + 1e-9);
}

/// Three ranks behind one link of 1 GB/s to the fourth, which gets a block of each: they share it.
TEST(Simulator, SharedLink_IsShared) {
  Network network;
  const auto hub = network.add_relay("hub");
  const auto exit = network.add_relay("exit");
  network.add_both_ways(hub, exit, 1000);
  for (int rank = 0; rank < 4; ++rank) network.add_both_ways(network.add_rank("rank"), rank < 3 ? hub : exit, 100'000);
  Routes routes(network);
  const PlanSpec gather{Collective::gather, "one_shot", 4, 3, 1};
  EXPECT_NEAR(run(gather, 1'000'000, routes, {.latency_s = 0}).seconds, 3e-3, 1e-6);
}

TEST(Simulator, RingAllReduce_MovesTwiceAllButOnePart) {
  const Network network = ring_of(8, 25'000);
  Routes routes(network);
  const std::uint64_t bytes = 64 << 20;
  const Simulation simulation = run({Collective::all_reduce, "ring", 8, -1, 1}, bytes, routes, {.latency_s = 0});
  const double one_way = 2.0 * 7 / 8 * static_cast<double>(bytes) / 25e9;
  EXPECT_GE(simulation.seconds, one_way * (1 - 1e-9));
  EXPECT_LE(simulation.seconds, one_way * 1.05);
}

/// Rounds that repeat are left out, and nothing shows it.
TEST(Simulator, RoundsLeftOut_ChangeNothing) {
  const Network network = star(6, 25'000);
  for (const AlgorithmRow& row : catalogue()) {
    if (!row.supports(Collective::all_reduce) || row.reach == Reach::trees) continue;
    for (const double latency_s : {0.0, 3e-6}) {
      SCOPED_TRACE(std::string(row.name) + " " + std::to_string(latency_s));
      const PlanSpec spec{Collective::all_reduce, row.name, 6, -1, 2 * row.channel_multiple};
      Routes routes(network);
      SimulatedMachine machine{.latency_s = latency_s, .slot_bytes = 64 << 10};
      const Simulation brief = run(spec, 97'000'001, routes, machine);
      machine.skips_alike_rounds = false;
      const Simulation whole = run(spec, 97'000'001, routes, machine);
      EXPECT_NEAR(brief.seconds, whole.seconds, whole.seconds * 1e-6);
      EXPECT_EQ(brief.messages, whole.messages);
      for (std::size_t link = 0; link < whole.link_bytes.size(); ++link) {
        EXPECT_NEAR(brief.link_bytes[link], whole.link_bytes[link], whole.link_bytes[link] * 1e-6 + 1);
      }
      EXPECT_LT(brief.run_steps, whole.run_steps * 3 / 4) << "nothing was left out";
    }
  }
}

TEST(Simulator, TooFewSlots_AreAnErrorThatSaysSo) {
  const Network network = star(3, 1000);
  Routes routes(network);
  try {
    run({Collective::all_reduce, "ring", 3, -1, 1}, 1 << 20, routes, {.slots = 1});
    ADD_FAILURE() << "not noticed";
  } catch (const Error& error) {
    EXPECT_NE(error.info().text.find("more slots than 1"), std::string::npos) << error.info().text;
  }
}

TEST(Simulator, RanksWithoutAWay_AreRefused) {
  Network network = star(2, 1000);
  network.add_rank("alone");
  Routes routes(network);
  EXPECT_THROW(run({Collective::all_gather, "one_shot", 3, -1, 1}, 1000, routes), Error);
}

/// What a network allows, by what a plan takes on it.
double part_of_bound(const Network& network, const PlanSpec& spec, std::uint64_t bytes, Routes& routes) {
  const double bound =
      least_seconds(spec.collective, spec.root, bytes, network, {{}, {topology::isolating_parts(network)}});
  return bound / run(spec, bytes, routes, {.latency_s = 1e-6, .slot_bytes = 256 << 10, .slots = 4}).seconds;
}

TEST(Simulator, NoPlan_BeatsTheBoundOfAllGather) {
  std::mt19937_64 random(20261127);
  for (int turn = 0; turn < 12; ++turn) {
    Network network = topology::random_network(random, 2 + turn % 5, turn % 4, true);
    const auto hub = network.add_relay("hub");  // a way between any two, without a rank between
    for (const auto rank : network.ranks()) network.add_both_ways(rank, hub, 3);
    for (const AlgorithmRow& row : catalogue()) {
      if (!row.supports(Collective::all_gather)) continue;
      Routes routes(network);
      const PlanSpec spec{Collective::all_gather, row.name, network.n_ranks(), -1, row.channel_multiple};
      EXPECT_LE(part_of_bound(network, spec, 1 << 20, routes), 1 + 1e-6) << row.name << " " << turn;
    }
  }
}

PlanSpec forest_spec(Collective collective, const Network& network, int units, int repeat, Routes& routes) {
  const Rank root = row_of(collective).rooted ? 0 : -1;
  const topology::Forest trees = root < 0 ? topology::pack_trees(network, {.units_per_root = units})
                                          : topology::pack_trees_of(network, root, {.units_per_root = units});
  const forest::PackedTrees packed = forest::packed_trees(trees, collective, network.n_ranks(), repeat);
  for (const forest::ChannelRoute& route : packed.routes) routes.set(route.channel, route.vertices);
  return {collective, "forest", network.n_ranks(), root, packed.channels, {}, packed.parents};
}

/// Eight GPUs of two quads, with one or two links to each of the quad and two across, as in the first DGX.
Network hybrid_cube() {
  Network network;
  for (int rank = 0; rank < 8; ++rank) network.add_rank("GPU");
  const auto join = [&](int a, int b, int links) { network.add_both_ways(a, b, links * 25'000); };
  for (const int quad : {0, 4}) {
    join(quad, quad + 1, 1), join(quad, quad + 2, 1), join(quad, quad + 3, 2);
    join(quad + 1, quad + 2, 2), join(quad + 1, quad + 3, 1), join(quad + 2, quad + 3, 1);
  }
  for (int rank = 0; rank < 4; ++rank) join(rank, rank + 4, 2);
  return network;
}

/// Each with each.
Network mesh(int n, std::int64_t megabytes_per_s) {
  Network network;
  for (int rank = 0; rank < n; ++rank) network.add_rank("GPU");
  for (int a = 0; a < n; ++a) {
    for (int b = a + 1; b < n; ++b) network.add_both_ways(a, b, megabytes_per_s);
  }
  return network;
}

/// Two sockets with two PCI switches each, two GPUs at each switch.
Network pci_box() {
  Network network;
  const std::vector<topology::VertexId> sockets{network.add_relay("socket"), network.add_relay("socket")};
  network.add_both_ways(sockets[0], sockets[1], 20'800);
  for (int pci = 0; pci < 4; ++pci) {
    const topology::VertexId bridge = network.add_relay("switch");
    network.add_both_ways(bridge, sockets[static_cast<std::size_t>(pci / 2)], 31'508);
    for (int gpu = 0; gpu < 2; ++gpu) network.add_both_ways(network.add_rank("GPU"), bridge, 15'754);
  }
  return network;
}

double part_by_trees(const Network& network, int units, int repeat) {
  Routes routes(network);
  return part_of_bound(network, forest_spec(Collective::all_reduce, network, units, repeat, routes), 64 << 20, routes);
}

/// What is simulated is as it is every time; 0.95 of the bound is asked for on switches, 0.85 on meshes.
TEST(Simulator, AllReduceAlongPackedTrees_ComesNearTheBound) {
  EXPECT_GE(part_by_trees(star(8, 450'000), 1, 7), 0.95);
  EXPECT_GE(part_by_trees(mesh(8, 50'000), 1, 7), 0.85);
  EXPECT_GE(part_by_trees(mesh(4, 46'000), 1, 3), 0.85);
  EXPECT_GE(part_by_trees(ring_of(8, 25'000), 2, 1), 0.85);
  EXPECT_GE(part_by_trees(hybrid_cube(), 8, 1), 0.84);  // not there yet
}

/// A hybrid cube by the other collectives; 0.16 to 0.53 of the bound without trees.
TEST(Simulator, OthersAlongPackedTrees_ComeNearTheBound) {
  const Network network = hybrid_cube();
  const auto part = [&](Collective collective, int repeat, std::uint64_t bytes) {
    Routes routes(network);
    const PlanSpec spec = forest_spec(collective, network, 16, repeat, routes);
    const double bound = least_seconds(collective, spec.root, bytes, network);
    return bound / run(spec, bytes, routes, {.latency_s = 1e-6, .slot_bytes = 32 << 10, .slots = 4}).seconds;
  };
  EXPECT_GE(part(Collective::all_gather, 4, 64 << 20), 0.75);
  EXPECT_GE(part(Collective::reduce_scatter, 4, 64 << 20), 0.75);
  EXPECT_GE(part(Collective::broadcast, 1, 128 << 20), 0.9);
  EXPECT_GE(part(Collective::reduce, 1, 128 << 20), 0.9);
}

TEST(Simulator, RingAllReduce_ComesNearTheBoundBehindPciSwitches) {
  const Network network = pci_box();
  Routes routes(network);
  EXPECT_GE(part_of_bound(network, {Collective::all_reduce, "ring", 8, -1, 4}, 256 << 20, routes), 0.95);
}

TEST(Simulator, NoPlan_BeatsTheBoundOfAllReduce) {
  std::mt19937_64 random(20261128);
  for (int turn = 0; turn < 12; ++turn) {
    Network network = topology::random_network(random, 2 + turn % 5, turn % 4, true);
    const auto hub = network.add_relay("hub");
    for (const auto rank : network.ranks()) network.add_both_ways(rank, hub, 1 + turn % 7);
    for (const AlgorithmRow& row : catalogue()) {
      if (!row.supports(Collective::all_reduce)) continue;
      Routes routes(network);
      const PlanSpec spec{Collective::all_reduce, row.name, network.n_ranks(), -1, row.channel_multiple};
      EXPECT_LE(part_of_bound(network, spec, 1 << 20, routes), 1 + 1e-6) << row.name << " " << turn;
    }
  }
}

/// A ring of four, whose last rank begins late, or stops.
TEST(Simulator, LateRanks_HoldUpAndStoppedOnesEndIt) {
  const Network network = star(4, 25'000);
  Routes routes(network);
  const PlanSpec spec{Collective::all_reduce, "ring", 4, -1, 1};
  const double seconds = run(spec, 4 << 20, routes).seconds;
  SimulatedMachine machine;
  machine.late = {{3, 0.5}};
  const double late = run(spec, 4 << 20, routes, machine).seconds;
  EXPECT_GE(late, 0.5 + seconds / 2);
  EXPECT_LE(late, 0.5 + seconds + 1e-9);
  machine.late.clear();
  machine.stops = {{3, seconds / 2}};
  const Simulation stopped = run(spec, 4 << 20, routes, machine);
  EXPECT_EQ(stopped.waiting_ranks, 3);
  EXPECT_GE(stopped.seconds, seconds / 2);
  EXPECT_LE(stopped.seconds, seconds);
  machine.stops = {{3, 2 * seconds}};
  EXPECT_EQ(run(spec, 4 << 20, routes, machine).waiting_ranks, 0);
}

TEST(Simulator, NoAllReduceAlongTrees_BeatsTheBound) {
  std::mt19937_64 random(5);
  for (int turn = 0; turn < 12; ++turn) {
    const Network network = topology::random_network(random, 3 + turn % 3, turn % 3, true);
    Routes routes(network);
    const PlanSpec spec = forest_spec(Collective::all_reduce, network, 8, 2, routes);
    EXPECT_LE(part_of_bound(network, spec, 16 << 20, routes), 1 + 1e-6) << turn;
  }
  Network line;  // where sums go up while others come down
  for (int rank = 0; rank < 4; ++rank) line.add_rank("rank");
  for (int rank = 0; rank < 3; ++rank) line.add_both_ways(rank, rank + 1, 1000);
  Routes routes(line);
  const double part = part_of_bound(line, forest_spec(Collective::all_reduce, line, 1, 1, routes), 16 << 20, routes);
  EXPECT_LE(part, 1 + 1e-6);
  EXPECT_GE(part, 0.8);  // two thirds, if what is summed waited for what is gathered
}

}  // namespace
}  // namespace stretto
