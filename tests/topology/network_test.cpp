// What carries bytes in a machine, and how much of them, if nobody says.
#include "topology/graph/network.hpp"

#include <gtest/gtest.h>

#include <map>

#include "topology/graph/flow.hpp"
#include "topology/graph/link_speed.hpp"

namespace stretto::topology {
namespace {

PciFunction at(const std::string& bus_id, std::optional<double> gigatransfers = {}, std::optional<int> lanes = {}) {
  PciFunction function;
  function.bus_id = bus_id;
  function.gigatransfers_per_s = gigatransfers;
  function.lanes = lanes;
  return function;
}

GpuNode gpu(const std::string& bus_id, std::optional<int> capability, const std::string& gcn = "") {
  GpuNode node;
  node.pci = at(bus_id, 32, 16);
  node.compute_capability = capability;
  node.gcn = gcn;
  return node;
}

NumaNode numa(int id, std::optional<int> package) {
  NumaNode node;
  node.numa_id = id;
  node.package = package;
  return node;
}

Link link(NodeId from, NodeId to, LinkKind kind, int count) {
  Link made;
  made.from = from;
  made.to = to;
  made.kind = kind;
  made.count = count;
  return made;
}

TEST(LinkSpeed, Pci_IsItsGenerationsDataRate) {
  const std::pair<double, std::int64_t> rows[] = {{2.5, 4000}, {5, 8000},   {8, 15754},
                                                  {16, 31508}, {32, 63015}, {64, 121000}};
  for (const auto& [gigatransfers, megabytes] : rows) {
    EXPECT_EQ(pci_megabytes_per_s(at("0000:01:00.0", gigatransfers, 16)), megabytes) << gigatransfers;
  }
  EXPECT_EQ(pci_megabytes_per_s(at("0000:01:00.0", 16, 1)), 1969);
  EXPECT_EQ(pci_megabytes_per_s(at("0000:01:00.0")), 15754);  // as of 16 lanes of the third generation
}

/// Of one link between two GPUs of this kind.
std::int64_t speed(const GpuNode& of, LinkKind kind, int count = 1, std::optional<double> said = {}) {
  GpuNode other = of;
  other.pci.bus_id = "0000:02:00.0";
  Link between = link(1, 2, kind, count);
  between.gigabytes_per_s_of_each = said;
  const Machine machine("", {{kNoNode, numa(0, 0)}, {0, of}, {0, other}}, {between});
  return link_megabytes_per_s(machine.links().front(), machine);
}

TEST(LinkSpeed, LinksOfGpus_AreThoseOfTheirDataSheets) {
  const std::string bus = "0000:01:00.0";
  EXPECT_EQ(speed(gpu(bus, 60), LinkKind::nvlink), 20'000);
  EXPECT_EQ(speed(gpu(bus, 70), LinkKind::nvlink, 6), 150'000);
  EXPECT_EQ(speed(gpu(bus, 80), LinkKind::nvlink, 12), 300'000);
  EXPECT_EQ(speed(gpu(bus, 90), LinkKind::nvlink, 18), 450'000);
  EXPECT_EQ(speed(gpu(bus, 100), LinkKind::nvlink, 18), 900'000);
  EXPECT_EQ(speed(gpu(bus, {}, "908"), LinkKind::xgmi), 46'000);
  EXPECT_EQ(speed(gpu(bus, {}, "910"), LinkKind::xgmi), 50'000);
  EXPECT_EQ(speed(gpu(bus, {}, "gfx90a:sramecc+"), LinkKind::xgmi, 2), 100'000);
  EXPECT_EQ(speed(gpu(bus, {}, "gfx942"), LinkKind::xgmi), 64'000);
  EXPECT_EQ(speed(gpu(bus, 90), LinkKind::c2c, 10), 450'000);  // all of them
  EXPECT_EQ(speed(gpu(bus, 90), LinkKind::c2c, 10, 44.7), 447'000);
  EXPECT_EQ(speed(gpu(bus, 90), LinkKind::nvlink, 2, 10.5), 21'000);
}

TEST(LinkSpeed, NumaNodesOfAPackage_AreNearerThanThoseOfTwo) {
  EXPECT_GT(between_numa_megabytes_per_s(numa(0, 0), numa(1, 0)), between_numa_megabytes_per_s(numa(0, 0), numa(1, 1)));
  EXPECT_EQ(between_numa_megabytes_per_s(numa(0, {}), numa(1, {})),
            between_numa_megabytes_per_s(numa(0, 0), numa(1, 1)));
}

/// Two sockets, a switch with two GPUs at each, a NIC, and an NVSwitch that joins all four.
Machine box(bool with_switch) {
  std::vector<Node> nodes{{kNoNode, numa(0, 0)}, {kNoNode, numa(1, 1)}};
  std::vector<Link> links;
  for (int socket = 0; socket < 2; ++socket) {
    const auto bridge = static_cast<NodeId>(nodes.size());
    const std::string bus = socket == 0 ? "0000:0" : "0000:8";
    nodes.push_back({socket, PciBridge{at(bus + "1:00.0", 16, 16)}});
    nodes.push_back({bridge, gpu(bus + "2:00.0", 90)});
    nodes.push_back({bridge, gpu(bus + "3:00.0", 90)});
    nodes.push_back({bridge, NicNode{at(bus + "4:00.0", 16, 16)}});
    nodes.push_back({bridge + 3, NetNode{}});
  }
  if (with_switch) {
    const auto hub = static_cast<NodeId>(nodes.size());
    nodes.push_back({kNoNode, SwitchNode{at("0000:f0:00.0")}});
    for (const NodeId gpu_node : {3, 4, 8, 9}) {
      links.push_back(link(gpu_node, hub, LinkKind::nvlink, 18));
      links.push_back(link(hub, gpu_node, LinkKind::nvlink, 18));
    }
  }
  return {"", nodes, links};
}

TEST(MachinesNetwork, Box_HasItsTreeAndItsLinks) {
  const Network network = network_of(box(true));
  EXPECT_EQ(network.n_ranks(), 4);
  EXPECT_EQ(network.n_vertices(), 9);  // 2 NUMA nodes, 2 bridges, 4 GPUs, 1 switch: NICs carry nothing between them
  std::map<std::pair<VertexId, VertexId>, std::int64_t> capacity;
  for (const Edge& edge : network.edges()) capacity[{edge.from, edge.to}] += edge.megabytes_per_s;
  for (const auto& [ends, megabytes] : capacity) EXPECT_EQ((capacity[{ends.second, ends.first}]), megabytes);
  // Each GPU by its links and its bus; what they send is what holds four ranks up.
  EXPECT_NEAR(all_reduce_bus_gigabytes_per_s(network), 450 + 63.015, 1e-9);
}

TEST(MachinesNetwork, WithoutSwitch_TheSocketsLinkHoldsItUp) {
  const Network network = network_of(box(false));
  EXPECT_NEAR(all_reduce_least_seconds(network, 1'000'000'000), 1.0 / 20, 1e-9);
}

}  // namespace
}  // namespace stretto::topology
