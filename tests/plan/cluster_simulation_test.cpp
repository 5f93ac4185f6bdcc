// Algorithms simulated on clusters, against what can be worked out by hand, and against the bounds.
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "algorithms/catalogue.hpp"
#include "base/error.hpp"
#include "plan/lower_bound.hpp"
#include "plan/simulator.hpp"
#include "planner/simulated_choice.hpp"
#include "topology/clusters.hpp"

namespace stretto {
namespace {

using topology::ClusterNetwork;
using topology::laid_out;

constexpr double kNic = 12.5e9;  ///< bytes per second of 100 Gb/s

Routes::Way way_of(const ClusterNetwork& cluster) {
  return [&cluster](std::int32_t from, std::int32_t to) { return cluster.way(from, to); };
}

SimulatedMachine machine_of(double latency_s) {
  SimulatedMachine machine;
  machine.latency_s = latency_s;
  return machine;
}

SimulatedRow simulated(const ClusterNetwork& cluster, std::string_view algorithm, Collective collective,
                       std::uint64_t block_bytes, double latency_s = 0) {
  SimulatedRequest request{collective,
                           row_of(collective).rooted ? 0 : -1,
                           block_bytes,
                           0,
                           cluster.groups(),
                           cluster.rails(),
                           cluster.widths(),
                           {},
                           {},
                           cluster.hosts()};
  return simulate_algorithm(algorithm, request, cluster.network(), way_of(cluster), machine_of(latency_s));
}

double bound(const ClusterNetwork& cluster, Collective collective, std::uint64_t block_bytes) {
  return least_seconds(collective, row_of(collective).rooted ? 0 : -1, block_bytes, cluster.network(),
                       {cluster.unlike(), cluster.partitions()});
}

/// Each rank sends, at the same time, to the one that `to` says; the least of what they get, in bytes per second.
double slowest_pace(const ClusterNetwork& cluster, const std::function<int(int)>& to) {
  Routes routes(cluster.network(), way_of(cluster));
  Flows flows(routes.capacities());
  for (int rank = 0; rank < cluster.network().n_ranks(); ++rank) flows.start(1e9, routes.of(0, rank, to(rank)), rank);
  double seconds = 0;
  for (std::vector<std::int32_t> ended; !flows.empty();) flows.advance_to(seconds = flows.next_end_s(), ended);
  return 1e9 / seconds;
}

TEST(ClusterSimulation, TwoHostsOfOneNic_TakeTheirBytesAndLatencies) {
  const SimulatedRow row = simulated(laid_out("2 x gpu"), "one_shot", Collective::all_gather, 1'000'000, 5e-6);
  EXPECT_NEAR(row.seconds, 1e6 / kNic + 2 * 5e-6, 1e-9);
  EXPECT_NEAR(bus_gigabytes_per_s(Collective::all_gather, 2, 1'000'000, 1e6 / kNic), 12.5, 1e-9);
}

TEST(ClusterSimulation, RingOverOneSwitch_MovesTwiceAllButOnePart) {
  const ClusterNetwork cluster = laid_out("8 x gpu");
  const std::uint64_t bytes = 64 << 20;
  const SimulatedRow row = simulated(cluster, "ring", Collective::all_reduce, bytes);
  const double one_way = 2.0 * 7 / 8 * static_cast<double>(bytes) / kNic;
  EXPECT_GE(row.seconds, one_way * (1 - 1e-9));
  EXPECT_LE(row.seconds, one_way * 1.05);
  EXPECT_NEAR(bound(cluster, Collective::all_reduce, bytes), one_way, one_way * 1e-9);
  EXPECT_GE(row.busy_part, 0.95);
  EXPECT_LE(row.busy_part, 1 + 1e-9);
}

TEST(ClusterSimulation, EightGpusBehindOneNic_ShareIt) {
  // All that eight ranks have for eight others passes one NIC each way.
  std::string line = "2 x pcie-box";
  for (const char* host : {"0", "1"}) {
    for (const char* nic : {"1", "2", "3"}) line += std::string(", host ") + host + " without NIC " + nic;
  }
  const ClusterNetwork cluster = laid_out(line);
  const double seconds = 64 * 1e6 / kNic;
  EXPECT_NEAR(bound(cluster, Collective::all_to_all, 1'000'000), seconds, seconds * 1e-9);
  const SimulatedRow row = simulated(cluster, "one_shot", Collective::all_to_all, 1'000'000);
  EXPECT_GE(row.seconds, seconds * (1 - 1e-9));
  EXPECT_EQ(cluster.network().vertex(row.busiest.from).name.substr(0, 6), "host 0");
  EXPECT_NEAR(slowest_pace(cluster, [](int rank) { return (rank + 8) % 16; }), kNic / 8, 1);
}

TEST(ClusterSimulation, SpineOfHalf_HalvesWhatCrossesAndNothingElse) {
  const ClusterNetwork full = laid_out("4 x gpu, 2 hosts a leaf");
  const ClusterNetwork half = laid_out("4 x gpu, 2 hosts a leaf, 2:1 spine");
  const auto across = [](int rank) { return (rank + 2) % 4; };
  const auto beside = [](int rank) { return rank ^ 1; };
  EXPECT_NEAR(slowest_pace(full, across), kNic, 1);
  EXPECT_NEAR(slowest_pace(half, across), kNic / 2, 1);
  EXPECT_NEAR(slowest_pace(half, beside), kNic, 1);
  // A ring of which every hop crosses takes twice as long.
  const std::uint64_t bytes = 16 << 20;
  const double whole = simulated(laid_out("4 x gpu, 1 hosts a leaf"), "ring", Collective::all_gather, bytes).seconds;
  const ClusterNetwork leaves = laid_out("4 x gpu, 1 hosts a leaf, 2:1 spine");
  EXPECT_NEAR(simulated(leaves, "ring", Collective::all_gather, bytes).seconds, 2 * whole, whole * 1e-6);
  EXPECT_NEAR(bound(leaves, Collective::all_gather, bytes), 3 * static_cast<double>(bytes) / (kNic / 2), 1e-6);
}

TEST(ClusterSimulation, Rails_AreFreeOfOneAnotherAndOfTheSpine) {
  const ClusterNetwork cluster = laid_out("2 x dgx-h100, rail-optimised, 16:1 spine");
  EXPECT_NEAR(slowest_pace(cluster, [](int rank) { return (rank + 8) % 16; }), 50e9, 1);
  // From rail to rail each leaf has a sixteenth of two NICs, and two messages.
  const auto next_rail = [](int rank) { return (rank + 8) % 16 / 8 * 8 + (rank + 1) % 8; };
  EXPECT_NEAR(slowest_pace(cluster, next_rail), 50e9 / 16, 1);
}

TEST(ClusterSimulation, BoundOfAllReduce_CountsWhatHostsLetOut) {
  // Eight hosts of eight NICs at 50 GB/s: 2 * 7 / 8 of the bytes by 400 GB/s.
  const ClusterNetwork cluster = laid_out("8 x dgx-h100, rail-optimised");
  const double seconds = 2.0 * 7 / 8 * 1e9 / 400e9;
  EXPECT_NEAR(bound(cluster, Collective::all_reduce, 1'000'000'000), seconds, seconds * 1e-9);
  // Four leaves of two hosts, of which a quarter gets out: 2 * 3 / 4 of the bytes by 200 GB/s.
  const ClusterNetwork narrow = laid_out("8 x dgx-h100, 2 hosts a leaf, 4:1 spine");
  const double at_leaves = 2.0 * 3 / 4 * 1e9 / 200e9;
  EXPECT_NEAR(bound(narrow, Collective::all_reduce, 1'000'000'000), at_leaves, at_leaves * 1e-9);
}

TEST(ClusterSimulation, BoundsOfRootedCollectives_AreTheRootsNic) {
  const ClusterNetwork cluster = laid_out("4 x gpu");
  EXPECT_NEAR(bound(cluster, Collective::broadcast, 1'000'000'000), 1e9 / kNic, 1e-9);
  EXPECT_NEAR(bound(cluster, Collective::reduce, 1'000'000'000), 1e9 / kNic, 1e-9);
  EXPECT_NEAR(bound(cluster, Collective::gather, 1'000'000'000), 3e9 / kNic, 1e-9);
  EXPECT_NEAR(bound(cluster, Collective::scatter, 1'000'000'000), 3e9 / kNic, 1e-9);
  EXPECT_NEAR(bound(cluster, Collective::reduce_scatter, 1'000'000'000), 3e9 / kNic, 1e-9);
}

/// All collectives, algorithms and kinds of networks, some of them broken.
TEST(ClusterSimulation, NoAlgorithm_BeatsTheBound) {
  std::mt19937_64 random(20261127);
  int figures = 0;
  for (int turn = 0; turn < 7; ++turn) {
    const std::string line = topology::random_cluster_line(random, {"gpu", "cpu"});
    const ClusterNetwork cluster = laid_out(line);
    for (const CollectiveRow& collective : collective_rows()) {
      const double least = bound(cluster, collective.collective, 1 << 20);
      EXPECT_GT(least, 0) << line;
      for (const std::string_view algorithm : algorithms_for(collective.collective)) {
        const SimulatedRow row = simulated(cluster, algorithm, collective.collective, 1 << 20, 1e-6);
        if (!row.left_out.empty()) continue;
        EXPECT_GE(row.seconds, least * (1 - 1e-6)) << line << ": " << collective.name << " by " << algorithm;
        ++figures;
      }
    }
  }
  EXPECT_GT(figures, 200);
}

/// Of 160 ranks some are run for all, and nothing shows it.
TEST(ClusterSimulation, WhatIsAlike_StandsForAll) {
  for (const char* line : {"20 x dgx-h100, rail-optimised, 2:1 spine", "20 x dgx-a100, 4 hosts a leaf, 4:1 spine",
                           "20 x dgx-a100, rail-optimised, 5 hosts a leaf"}) {
    const ClusterNetwork cluster = laid_out(line);
    EXPECT_EQ(cluster.alike_rails().rails, 8);
    for (const std::string_view algorithm : {"ring", "rail_rings", "rail_trees"}) {
      SCOPED_TRACE(std::string(line) + ", " + std::string(algorithm));
      SimulatedRequest request{
          Collective::all_reduce, -1, 160 * 64 * 1024, 0, cluster.groups(), cluster.rails(), cluster.widths(), {}, {}};
      const auto run = [&] {
        return simulate_algorithm(algorithm, request, cluster.network(), way_of(cluster), machine_of(2e-6));
      };
      const SimulatedRow whole = run();
      request.hosts = cluster.alike_hosts();
      request.rails = cluster.alike_rails();
      const SimulatedRow folded = run();
      EXPECT_LT(folded.run_steps * 2, whole.run_steps) << "nothing was folded";
      EXPECT_NEAR(folded.seconds, whole.seconds, whole.seconds * 1e-6);
      EXPECT_EQ(folded.messages, whole.messages);
      EXPECT_NEAR(folded.busy_part, whole.busy_part, 1e-6);
    }
  }
}

TEST(ClusterSimulation, OneHost_ComesNearTheBound) {
  for (const auto& [kind, least] :
       {std::pair<const char*, double>{"dgx-h100", 0.95}, {"dgx-a100", 0.95}, {"pcie-box", 0.95}, {"dgx-1", 0.85}}) {
    const ClusterNetwork cluster = laid_out(std::string("1 x ") + kind);
    SimulatedMachine machine = machine_of(1e-6);
    machine.slot_bytes = 64 << 10;
    const std::uint64_t bytes = 256 << 20;
    const SimulatedRequest request{Collective::all_reduce, -1, bytes, 0, cluster.groups(), {}, {}, {}, {}};
    const SimulatedRow row = simulate_algorithm("forest", request, cluster.network(), way_of(cluster), machine);
    const double part = bound(cluster, Collective::all_reduce, bytes) / row.seconds;
    EXPECT_GE(part, least) << kind;
    EXPECT_LE(part, 1 + 1e-6) << kind;
  }
}

/// 0.13 to 0.30 by stars.
TEST(ClusterSimulation, HostsWhoseGpusShareNics_HaveTreesOfTheirOwn) {
  for (const char* line : {"2 x dgx-1, rail-optimised", "2 x pcie-box, rail-optimised"}) {
    const ClusterNetwork cluster = laid_out(line);
    const std::uint64_t bytes = 16 << 20;
    SimulatedRequest request{Collective::all_reduce, -1, bytes, 0, cluster.groups(), cluster.rails(),
                             cluster.widths(),       {}, {}};
    SimulatedMachine machine = machine_of(1e-6);
    machine.slot_bytes = 16 << 10;
    const auto run = [&] {
      return simulate_algorithm("rail_trees", request, cluster.network(), way_of(cluster), machine).seconds;
    };
    const double stars_s = run();
    request.by_host = cluster.hosts();
    const double least_s = bound(cluster, Collective::all_reduce, bytes);
    EXPECT_LT(least_s / stars_s, 0.5) << line;
    EXPECT_GT(least_s / run(), 0.9) << line;
  }
}

SimulatedRow along_rails(const std::string& line, std::int32_t n_ranks, Collective collective) {
  const topology::Cluster cluster = topology::cluster_of(line);
  const auto all = static_cast<std::int32_t>(cluster.n_ranks());
  return simulated({cluster, n_ranks > 0 ? std::min(n_ranks, all) : all}, "rail_trees", collective, 1 << 20, 1e-6);
}

TEST(ClusterSimulation, HostsOfUnequalSizes_AllGetTheirTurns) {
  for (const char* line : {"2 x pcie-box, rail-optimised, host 0 without GPU 7", "2 x dgx-1, host 1 without GPU 7",
                           "2 x dgx-h100, rail-optimised, host 0 without GPU 7", "1 x dgx-1 + 2 x gpu",
                           "2 x gpu + 1 x pcie-box", "3 x pcie-box, host 1 without GPU 0"}) {
    for (const std::int32_t n_ranks : {0, 9, 13}) {
      for (const Collective collective : {Collective::all_reduce, Collective::broadcast, Collective::reduce}) {
        const SimulatedRow row = along_rails(line, n_ranks, collective);
        EXPECT_EQ(row.left_out, "") << line;
        EXPECT_GT(row.seconds, 0) << line;
      }
    }
  }
}

TEST(ClusterSimulation, RandomClusters_RunAlongTheirTrees) {
  std::mt19937_64 random(20261128);
  for (int turn = 0; turn < 40; ++turn) {
    std::string line = topology::random_cluster_line(random, {"dgx-1", "pcie-box", "dgx-a100", "cpu"});
    if (turn % 2 == 0) line += ", host 0 without GPU " + std::to_string(random() % 2);
    const auto n_ranks = static_cast<std::int32_t>(random() % 3 == 0 ? 10 + random() % 5 : 0);
    try {
      const SimulatedRow row = along_rails(line, n_ranks, Collective::all_reduce);
      EXPECT_TRUE(row.seconds > 0 || !row.left_out.empty()) << line;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().text.find("parents"), std::string::npos) << line << ": " << error.what();
    }
  }
}

/// 0.37 where the last one is missing, if the others' rails are taken for all that there are.
TEST(ClusterSimulation, WhicheverGpuIsMissing_TheOthersShareItsRail) {
  for (int gpu = 0; gpu < 8; ++gpu) {
    const std::string line = "4 x dgx-h100, rail-optimised, host 1 without GPU " + std::to_string(gpu);
    const ClusterNetwork cluster = laid_out(line);
    const std::uint64_t bytes = 256 << 20;
    const SimulatedRequest request{Collective::all_reduce, -1, bytes, 0, cluster.groups(), cluster.rails(),
                                   cluster.widths(),       {}, {}};
    SimulatedMachine machine = machine_of(1e-6);
    machine.slot_bytes = 256 << 10;
    const SimulatedRow row = simulate_algorithm("rail_trees", request, cluster.network(), way_of(cluster), machine);
    EXPECT_GT(bound(cluster, Collective::all_reduce, bytes) / row.seconds, 0.55) << line;
  }
}

TEST(ClusterSimulation, UnlikeParts_AreNotTakenForAlike) {
  EXPECT_EQ(laid_out("20 x dgx-h100, host 3 NIC 0 at 50 Gb/s").alike_rails().rails, 0);
  EXPECT_EQ(laid_out("20 x dgx-h100, host 3 NIC 0 at 50 Gb/s").alike_hosts().ranks, 0);
  EXPECT_EQ(laid_out("20 x dgx-h100, host 3 without GPU 1").alike_rails().rails, 0);
  EXPECT_EQ(laid_out("10 x dgx-h100 + 10 x dgx-a100").alike_hosts().ranks, 0);
  EXPECT_EQ(laid_out("20 x dgx-1").alike_rails().rails, 0);
  EXPECT_EQ(laid_out("20 x dgx-1").alike_hosts().ranks, 8);
  EXPECT_EQ(laid_out("20 x dgx-h100, 3 hosts a leaf").alike_hosts().ranks, 0);
  EXPECT_EQ(laid_out("21 x dgx-h100, 3 hosts a leaf").alike_hosts().ranks, 24);
}

TEST(ClusterSimulation, WhoeverWaits_MayEndIt) {
  const ClusterNetwork cluster = laid_out("8 x gpu");
  SimulatedMachine machine;
  double last = 0;
  bool is_over = false;
  machine.go_on = [&](double part) {
    EXPECT_GE(part, last);
    EXPECT_LE(part, 1);
    EXPECT_FALSE(is_over);
    last = part;
    is_over = part > 0.5;
    return !is_over;
  };
  const SimulatedRequest request{Collective::all_reduce, -1, 64 << 20, 0, {}, {}, {}, {}, {}};
  const SimulatedRow row = simulate_algorithm("one_shot", request, cluster.network(), way_of(cluster), machine);
  EXPECT_TRUE(is_over);
  EXPECT_EQ(row.left_out, "it was ended before it was done");
}

TEST(ClusterSimulation, WhatCannotBeHad_IsSaid) {
  const ClusterNetwork flat = laid_out("20 x gpu");
  EXPECT_NE(simulated(flat, "hierarchical", Collective::all_reduce, 1024).left_out.find("two hosts or NUMA nodes"),
            std::string::npos);
  EXPECT_NE(simulated(flat, "forest", Collective::all_reduce, 1024).left_out.find("at most 16 ranks"),
            std::string::npos);
  const ClusterNetwork large = laid_out("8192 x gpu");
  EXPECT_NE(simulated(large, "one_shot", Collective::all_reduce, 1024).left_out.find("more than 3 GiB"),
            std::string::npos);
  EXPECT_THROW(simulated(flat, "bruck", Collective::all_reduce, 1024), Error);
}

TEST(ClusterSimulation, OneRank_TakesNoTime) {
  const ClusterNetwork cluster = laid_out("1 x gpu");
  const SimulatedRow row = simulated(cluster, "ring", Collective::all_reduce, 1024, 1e-6);
  EXPECT_EQ(row.left_out, "");
  EXPECT_EQ(row.seconds, 0);
  EXPECT_EQ(row.busiest.from, -1);
  EXPECT_EQ(bound(cluster, Collective::all_reduce, 1024), 0);
}

}  // namespace
}  // namespace stretto
