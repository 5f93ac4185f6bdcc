// Clusters: their hosts, the network between them, and the ways through it.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "clusters.hpp"
#include "topology/graph/flow.hpp"

namespace stretto::topology {
namespace {

std::int64_t capacity(const Network& network, const std::string& from, const std::string& to) {
  std::int64_t sum = 0;
  for (const Edge& edge : network.edges()) {
    if (network.vertex(edge.from).name == from && network.vertex(edge.to).name == to) sum += edge.megabytes_per_s;
  }
  return sum;
}

std::vector<std::string> way(const ClusterNetwork& cluster, int from, int to) {
  std::vector<std::string> names;
  for (const VertexId vertex : cluster.way(from, to)) names.push_back(cluster.network().vertex(vertex).name);
  return names;
}

using Names = std::vector<std::string>;

TEST(HostKinds, Dgx_HaveWhatTheirSheetsSay) {
  struct Expected {
    const char* name;
    std::size_t gpus;
    std::int64_t links, link_megabytes_per_s;
    std::size_t nets;
    std::int64_t net_megabits_per_s;
  };
  for (const Expected& each : {Expected{"dgx-h100", 8, 18, 450'000, 8, 400'000},
                               {"dgx-b200", 8, 18, 900'000, 8, 400'000},
                               {"dgx-a100", 8, 12, 300'000, 8, 200'000},
                               {"dgx-1", 8, 6, 150'000, 4, 100'000}}) {
    SCOPED_TRACE(each.name);
    const Machine machine = machine_of_kind(each.name);
    const Network network = network_of(machine);
    ASSERT_EQ(machine.gpus().size(), each.gpus);
    for (const NodeId gpu : machine.gpus()) {
      std::int64_t links = 0;
      for (const Link& link : machine.links()) links += link.from == gpu ? link.count : 0;
      EXPECT_EQ(links, each.links);
    }
    std::int64_t beside_the_tree = 0;
    for (const Edge& edge : network.edges()) {
      const bool is_first = network.vertex(edge.from).node == machine.gpus().front();
      const NodeId to = network.vertex(edge.to).node;
      const bool is_pci = std::holds_alternative<PciBridge>(machine.node(to).facts);
      beside_the_tree += is_first && !is_pci ? edge.megabytes_per_s : 0;
    }
    EXPECT_EQ(beside_the_tree, each.link_megabytes_per_s);
    ASSERT_EQ(machine.nets().size(), each.nets);
    for (const NodeId net : machine.nets()) {
      EXPECT_EQ(std::get<NetNode>(machine.node(net).facts).megabits_per_s, each.net_megabits_per_s);
    }
  }
}

TEST(HostKinds, EachName_IsInLowerCaseAndMakesAMachineWithRanks) {
  for (const HostKindRow& row : host_kinds()) {
    EXPECT_EQ(find_host_kind(row.name), &row);
    EXPECT_TRUE(std::ranges::none_of(row.name, [](char c) { return c >= 'A' && c <= 'Z'; })) << row.name;
    EXPECT_GE(cluster_of("2 x " + std::string(row.name)).n_ranks(), 2) << row.name;
  }
  EXPECT_EQ(find_host_kind("dgx-0"), nullptr);
}

TEST(Cluster, Rails_HaveALeafEachWithTheirPartOfTheSpine) {
  const ClusterNetwork cluster = laid_out("4 hosts x dgx-h100, rail-optimised, 2 hosts a leaf, 2:1 spine");
  const Network& network = cluster.network();
  EXPECT_EQ(network.n_ranks(), 32);
  for (int rail = 0; rail < 8; ++rail) {
    const std::string leaf = "leaf 1 rail " + std::to_string(rail);
    const std::string nic = "host 3 NIC" + std::to_string(rail);
    EXPECT_EQ(capacity(network, nic, leaf), 50'000);
    EXPECT_EQ(capacity(network, leaf, nic), 50'000);
    EXPECT_EQ(capacity(network, nic, "leaf 0 rail " + std::to_string(rail)), 0);
    EXPECT_EQ(capacity(network, leaf, "spine"), 2 * 50'000 / 2);
    EXPECT_EQ(capacity(network, "spine", leaf), 2 * 50'000 / 2);
  }
}

TEST(Cluster, OneSwitch_JoinsAllWithoutASpine) {
  const ClusterNetwork cluster = laid_out("3 x dgx-1");
  EXPECT_EQ(capacity(cluster.network(), "host 2 NIC3", "leaf 0"), 12'500);
  for (VertexId id = 0; id < cluster.network().n_vertices(); ++id) {
    EXPECT_NE(cluster.network().vertex(id).name, "spine");
  }
}

TEST(Cluster, OneHost_HasNoNicsInItsNetwork) {
  const ClusterNetwork cluster = laid_out("1 x dgx-a100");
  for (VertexId id = 0; id < cluster.network().n_vertices(); ++id) {
    EXPECT_EQ(cluster.network().vertex(id).name.find("NIC"), std::string::npos);
    EXPECT_EQ(cluster.network().vertex(id).name.find("host"), std::string::npos);
  }
  EXPECT_EQ(cluster.groups(), (std::vector<std::int32_t>{0, 0, 0, 0, 1, 1, 1, 1}));
}

TEST(Cluster, WithinAHost_WaysAreTheShortestAndStayThere) {
  const ClusterNetwork cluster = laid_out("2 x pcie-box");
  EXPECT_EQ(way(cluster, 8, 9), (Names{"host 1 GPU0", "host 1 PCI0", "host 1 GPU1"}));
  EXPECT_EQ(way(cluster, 0, 7),
            (Names{"host 0 GPU0", "host 0 PCI0", "host 0 NUMA0", "host 0 NUMA1", "host 0 PCI3", "host 0 GPU7"}));
  const ClusterNetwork switched = laid_out("2 x dgx-h100");
  EXPECT_EQ(way(switched, 0, 7), (Names{"host 0 GPU0", "host 0 NVSwitch", "host 0 GPU7"}));
  EXPECT_EQ(capacity(switched.network(), "host 0 GPU0", "host 0 NVSwitch"), 450'000);
}

TEST(Cluster, BetweenHosts_OneRailNeedsNoSpine) {
  const ClusterNetwork cluster = laid_out("2 x dgx-a100, rail-optimised");
  EXPECT_EQ(way(cluster, 5, 13), (Names{"host 0 GPU5", "host 0 PCI2", "host 0 NIC5", "leaf 0 rail 5", "host 1 NIC5",
                                        "host 1 PCI2", "host 1 GPU5"}));
  EXPECT_EQ(way(cluster, 5, 8), (Names{"host 0 GPU5", "host 0 PCI2", "host 0 NIC5", "leaf 0 rail 5", "spine",
                                       "leaf 0 rail 0", "host 1 NIC0", "host 1 PCI0", "host 1 GPU0"}));
}

TEST(Cluster, LostNic_IsReplacedByItsNeighbourAndOthersKeepTheirRails) {
  const ClusterNetwork cluster = laid_out("2 x dgx-a100, rail-optimised, host 1 without NIC 4");
  EXPECT_EQ(way(cluster, 4, 12)[6], "host 1 NIC5");
  EXPECT_EQ(way(cluster, 5, 13)[4], "host 1 NIC5");
  EXPECT_EQ(way(cluster, 6, 14)[4], "host 1 NIC6");
  EXPECT_EQ(capacity(cluster.network(), "host 1 NIC4", "leaf 0 rail 4"), 0);
  // The switch was made for both.
  EXPECT_EQ(capacity(cluster.network(), "leaf 0 rail 4", "spine"), 50'000);
}

TEST(Cluster, SevenGpus_AreSevenRanksWithTheirNumbersAndRails) {
  const ClusterNetwork cluster = laid_out("2 x dgx-a100, rail-optimised, host 0 without GPU 2");
  EXPECT_EQ(cluster.network().n_ranks(), 15);
  EXPECT_EQ(cluster.network().vertex(cluster.network().ranks()[2]).name, "host 0 GPU3");
  EXPECT_EQ(way(cluster, 2, 10)[2], "host 0 NIC3");
  EXPECT_EQ(cluster.groups()[6], 0);
  EXPECT_EQ(cluster.groups()[7], 1);
}

TEST(Cluster, SlowNicAndMissingLink_AreOfOneHost) {
  const ClusterNetwork cluster =
      laid_out("3 x dgx-1, host 1 NIC 2 at 8 Gb/s, host 1 without link 0-3, host 1 without link 0-4");
  EXPECT_EQ(capacity(cluster.network(), "host 1 NIC2", "leaf 0"), 1'000);
  EXPECT_EQ(capacity(cluster.network(), "host 0 NIC2", "leaf 0"), 12'500);
  EXPECT_EQ(capacity(cluster.network(), "host 1 GPU0", "host 1 GPU3"), 0);
  EXPECT_EQ(capacity(cluster.network(), "host 1 GPU0", "host 1 GPU1"), 25'000);
  EXPECT_EQ(capacity(cluster.network(), "host 0 GPU3", "host 0 GPU0"), 50'000);
}

TEST(Cluster, HostsWithoutGpus_HaveARankForEachNumaNode) {
  const ClusterNetwork cluster = laid_out("2 x cpu");
  EXPECT_EQ(cluster.network().n_ranks(), 4);
  EXPECT_EQ(way(cluster, 1, 2), (Names{"host 0 CPU1", "host 0 NUMA1", "host 0 PCI1", "host 0 NIC1", "leaf 0",
                                       "host 1 NIC0", "host 1 PCI0", "host 1 NUMA0", "host 1 CPU0"}));
}

TEST(Cluster, FirstRanks_AreThereAloneButLeavesAreMadeForAll) {
  const Cluster whole = cluster_of("4 x dgx-a100, 2 hosts a leaf, 4:1 spine");
  const ClusterNetwork some(whole, 10);
  EXPECT_EQ(some.network().n_ranks(), 10);
  EXPECT_EQ(some.host_of().back(), 1);
  EXPECT_EQ(capacity(some.network(), "leaf 0", "spine"), 2 * 8 * 25'000 / 4);
  EXPECT_EQ(ClusterNetwork(whole, 8).host_of().back(), 0);
}

TEST(Cluster, NicsOfUnknownSpeed_NeedAWord) {
  const auto file = [](const std::string&) {
    std::vector<Node> nodes;
    nodes.push_back({kNoNode, NumaNode{}});
    GpuNode gpu;
    gpu.pci.bus_id = "0000:01:00.0";
    nodes.push_back({0, gpu});
    nodes.push_back({0, NicNode{}});
    return Machine("", nodes, {});
  };
  try {
    make_cluster(parse_cluster_line("2 x a/file"), file);
    ADD_FAILURE() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().field, "column 5");
    EXPECT_NE(error.info().text.find("add \", 100 Gb/s NICs\""), std::string::npos) << error.info().text;
  }
  // A card on no known bus is as wide as its port.
  const ClusterNetwork cluster(make_cluster(parse_cluster_line("2 x a/file, 400 Gb/s NICs"), file), 2);
  EXPECT_EQ(capacity(cluster.network(), "host 0 NUMA0", "host 0 NIC0"), 50'000);
  EXPECT_EQ(make_cluster(parse_cluster_line("1 x a/file"), file).n_ranks(), 1);
}

/// Whatever may be said leaves a way.
TEST(Cluster, NarrowestSpine_StillCarries) {
  const ClusterNetwork cluster = laid_out("2 x gpu, 1 hosts a leaf, 1000:1 spine, 1 Gb/s NICs");
  EXPECT_EQ(capacity(cluster.network(), "leaf 0", "spine"), 1);
}

TEST(Cluster, WhatIsNotThere_IsRefusedWithTheColumn) {
  struct Wrong {
    const char* line;
    const char* column;
    const char* text;
  };
  for (const Wrong& wrong : {
           Wrong{"2 x gpu, host 2 without GPU 0", "column 10", "there are hosts 0 to 1, and no host 2"},
           {"2 x dgx-1, host 1 without GPU 8", "column 12", "host 1 has GPUs 0 to 7, and no GPU 8"},
           {"2 x cpu, host 1 without GPU 0", "column 10", "host 1 has no GPUs"},
           {"2 x dgx-1, host 1 without NIC 4", "column 12", "host 1 has NICs 0 to 3, and no NIC 4"},
           {"2 x dgx-1, host 1 without link 0-7", "column 12", "no link joins GPU 0 and GPU 7 of host 1 directly"},
           {"2 x gpu, host 1 without GPU 0", "column 10", "host 1 would have no GPU left"},
           {"2 x gpu, host 1 without NIC 0", "column 10", "host 1 would have no NIC left"},
           {"2 x gpu, 2:1 spine", "column 10", "all NICs are at one switch"},
           {"2 x gpu, 2 hosts a leaf, 2:1 spine", "column 26", "all NICs are at one switch"},
           {"60000 x gpu + 60000 x gpu", "column 9", "120000 hosts are more than 65536"},
       }) {
    try {
      cluster_of(wrong.line);
      ADD_FAILURE() << "not refused: " << wrong.line;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      EXPECT_EQ(error.info().field, wrong.column) << error.info().text;
      EXPECT_NE(error.info().text.find(wrong.text), std::string::npos) << error.info().text;
    }
  }
}

/// What bounds are when only unlike ranks are looked at, against all ranks.
TEST(Cluster, UnlikeRanks_AreEnoughForBounds) {
  std::mt19937_64 random(20261127);
  for (int turn = 0; turn < 25; ++turn) {
    const std::string line = random_cluster_line(random, {"gpu", "cpu", "pcie-box"});
    SCOPED_TRACE(line);
    const ClusterNetwork cluster = laid_out(line);
    const std::vector<VertexId> unlike = cluster.unlike();
    EXPECT_EQ(all_reduce_least_seconds(cluster.network(), 1 << 30),
              all_reduce_least_seconds(cluster.network(), 1 << 30, unlike));
    EXPECT_EQ(all_gather_rate(cluster.network()).megabytes_per_s(),
              all_gather_rate(cluster.network(), unlike).megabytes_per_s());
  }
  EXPECT_EQ(laid_out("16 x dgx-a100, 4 hosts a leaf").unlike().size(), 4U * 8U);
}

/// Ways begin and end at their ranks, follow edges, and pass no other rank.
TEST(Cluster, RandomClusters_AllRanksReachAll) {
  std::mt19937_64 random(7);
  for (int turn = 0; turn < 40; ++turn) {
    const std::string line = random_cluster_line(random, {"gpu", "cpu", "pcie-box", "dgx-1", "dgx-a100"});
    SCOPED_TRACE(line);
    const ClusterNetwork cluster = laid_out(line);
    const Network& network = cluster.network();
    std::map<std::pair<VertexId, VertexId>, bool> joined;
    for (const Edge& edge : network.edges()) joined[{edge.from, edge.to}] = true;
    for (int from = 0; from < network.n_ranks(); from += 3) {
      for (int to = 0; to < network.n_ranks(); ++to) {
        if (from == to) continue;
        const std::vector<VertexId> vertices = cluster.way(from, to);
        ASSERT_EQ(network.vertex(vertices.front()).rank, from);
        ASSERT_EQ(network.vertex(vertices.back()).rank, to);
        for (std::size_t i = 1; i < vertices.size(); ++i) {
          ASSERT_TRUE(joined.contains({vertices[i - 1], vertices[i]})) << from << " " << to;
          ASSERT_TRUE(i + 1 == vertices.size() || network.vertex(vertices[i]).rank < 0);
        }
      }
    }
  }
}

}  // namespace
}  // namespace stretto::topology
