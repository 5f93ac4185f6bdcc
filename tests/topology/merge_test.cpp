// What a probe adds to a file, and what it does not.
#include "topology/graph/merge.hpp"

#include <gtest/gtest.h>

#include "topology/graph/paths.hpp"
#include "topology/random_machine.hpp"

namespace stretto::topology {
namespace {

PciFunction at(const std::string& bus_id, std::uint32_t device_class = 0) {
  PciFunction pci;
  pci.bus_id = bus_id;
  pci.device_class = device_class;
  return pci;
}

NumaNode numa(std::int32_t id) {
  NumaNode node;
  node.numa_id = id;
  return node;
}

GpuNode gpu(const std::string& bus_id, std::optional<std::int32_t> ordinal = {}) {
  GpuNode node;
  node.pci = at(bus_id, 0x030200);
  node.ordinal = ordinal;
  return node;
}

NetNode net(const std::string& name, std::optional<std::int64_t> speed = {}) {
  NetNode node;
  node.name = name;
  node.megabits_per_s = speed;
  return node;
}

/// As vendors ship: a bridge that the virtual machine does not show, two GPUs, a NIC; nothing about them.
Machine partial() {
  return {"",
          {{kNoNode, numa(0)},
           {0, PciBridge{at("ffff:ff:01.0", 0x060400)}},
           {1, gpu("0000:01:00.0")},
           {1, gpu("0000:02:00.0")},
           {1, NicNode{at("0000:03:00.0", 0x020700)}}},
          {}};
}

/// What the virtual machine shows: all flat, but facts, networks and links.
Machine probed() {
  NumaNode processor = numa(0);
  processor.vendor = "GenuineIntel";
  processor.processors = {0, 1};
  return {"host",
          {{kNoNode, processor},
           {0, gpu("0000:02:00.0", 1)},
           {0, gpu("0000:01:00.0", 0)},
           {0, NicNode{at("0000:03:00.0", 0x020700)}},
           {3, net("mlx5_0", 200000)},
           {kNoNode, SwitchNode{}}},
          {{1, 5, LinkKind::nvlink, 12},
           {5, 1, LinkKind::nvlink, 12},
           {2, 5, LinkKind::nvlink, 12},
           {5, 2, LinkKind::nvlink, 12}}};
}

template <class Facts>
const Facts& facts(const Machine& machine, NodeId id) {
  return std::get<Facts>(machine.node(id).facts);
}

TEST(Merge, PartialFile_GetsFactsNetworksAndLinks) {
  const Machine merged = merge(partial(), probed());
  ASSERT_EQ(merged.nodes().size(), 7U);
  EXPECT_EQ(merged.host(), "host");
  EXPECT_EQ(facts<NumaNode>(merged, 0).vendor, "GenuineIntel");
  EXPECT_EQ(facts<NumaNode>(merged, 0).processors, (std::vector<std::int32_t>{0, 1}));
  EXPECT_EQ(facts<GpuNode>(merged, 2).ordinal, 0) << "by the bus id, not by the place";
  EXPECT_EQ(facts<GpuNode>(merged, 3).ordinal, 1);
  EXPECT_EQ(facts<NetNode>(merged, 5), net("mlx5_0", 200000));
  EXPECT_EQ(merged.node(5).parent, 4);
  EXPECT_TRUE(std::holds_alternative<SwitchNode>(merged.node(6).facts));
  ASSERT_EQ(merged.links().size(), 4U);
  EXPECT_EQ(merged.links()[0], (Link{2, 6, LinkKind::nvlink, 12, {}, {}}));
  EXPECT_EQ(to_string(paths_from_gpus(merged, {3})[0][0]), "NV12");
}

TEST(Merge, TreeOfTheFile_Wins) {
  const Machine merged = merge(partial(), probed());
  for (const NodeId id : {2, 3, 4}) EXPECT_EQ(merged.node(id).parent, 1) << "the probe saw no bridge";
}

TEST(Merge, WhatTheFileSays_Wins) {
  NumaNode processor = numa(0);
  processor.vendor = "AuthenticAMD";
  processor.processors = {7};
  GpuNode mine = gpu("0000:01:00.0", 5);
  mine.pci.lanes = 8;
  GpuNode theirs = gpu("0000:01:00.0", 0);
  theirs.pci.lanes = 16;
  theirs.pci.vendor = 0x10de;
  theirs.compute_capability = 90;
  const Machine merged = merge(Machine("file", {{kNoNode, processor}, {0, mine}}, {}),
                               Machine("probe", {{kNoNode, facts<NumaNode>(probed(), 0)}, {0, theirs}}, {}));
  EXPECT_EQ(merged.host(), "file");
  EXPECT_EQ(facts<NumaNode>(merged, 0).vendor, "AuthenticAMD");
  EXPECT_EQ(facts<NumaNode>(merged, 0).processors, (std::vector<std::int32_t>{7}));
  const auto& both = facts<GpuNode>(merged, 1);
  EXPECT_EQ(both.ordinal, 5);
  EXPECT_EQ(both.pci.lanes, 8);
  EXPECT_EQ(both.pci.vendor, 0x10de);
  EXPECT_EQ(both.compute_capability, 90);
}

TEST(Merge, NicWithNetworksInTheFile_KeepsThem) {
  const Machine file("", {{kNoNode, numa(0)}, {0, NicNode{at("0000:03:00.0")}}, {1, net("mlx5_0")}}, {});
  const Machine probe(
      "", {{kNoNode, numa(0)}, {0, NicNode{at("0000:03:00.0")}}, {1, net("mlx5_0", 100)}, {1, net("mlx5_1", 200)}}, {});
  const Machine merged = merge(file, probe);
  ASSERT_EQ(merged.nets().size(), 1U);
  EXPECT_EQ(facts<NetNode>(merged, 2), net("mlx5_0", 100));
}

TEST(Merge, LinksThatTheFileHasOfAGpu_AreNotMixedWithTheProbes) {
  const std::vector<Node> nodes = {{kNoNode, numa(0)}, {0, gpu("0000:01:00.0")}, {0, gpu("0000:02:00.0")}};
  const Machine file("", nodes, {{1, 2, LinkKind::nvlink, 1}});
  const Machine probe(
      "", nodes,
      {{1, 2, LinkKind::nvlink, 4}, {2, 1, LinkKind::nvlink, 4}, {1, 0, LinkKind::c2c}, {0, 1, LinkKind::c2c}});
  const std::vector<Link> expected = {
      {1, 2, LinkKind::nvlink, 1}, {1, 0, LinkKind::c2c}, {0, 1, LinkKind::c2c}, {2, 1, LinkKind::nvlink, 4}};
  EXPECT_EQ(merge(file, probe).links(), expected);
}

TEST(Merge, SwitchThatNothingLeadsTo_IsNotAdded) {
  const std::vector<Node> nodes = {{kNoNode, numa(0)}, {0, gpu("0000:01:00.0")}, {0, gpu("0000:02:00.0")}};
  std::vector<Node> with_switch = nodes;
  with_switch.push_back({kNoNode, SwitchNode{at("0000:c1:00.0")}});
  const Machine file("", nodes, {{1, 2}, {2, 1}});
  const Machine probe("", with_switch, {{1, 3}, {3, 1}, {2, 3}, {3, 2}});
  EXPECT_EQ(merge(file, probe), file);
}

TEST(Merge, FunctionWithoutAClass_IsWhatTheProbeSays) {
  const Machine file(
      "", {{kNoNode, numa(0)}, {0, PciBridge{at("0000:01:00.0")}}, {0, PciBridge{at("0000:02:00.0", 0x060400)}}}, {});
  const Machine probe("", {{kNoNode, numa(0)}, {0, gpu("0000:01:00.0", 4)}, {0, gpu("0000:02:00.0", 5)}},
                      {{1, 2}, {2, 1}});
  const Machine merged = merge(file, probe);
  EXPECT_EQ(facts<GpuNode>(merged, 1).ordinal, 4);
  EXPECT_TRUE(std::holds_alternative<PciBridge>(merged.node(2).facts)) << "the file says that it is a bridge";
  EXPECT_TRUE(merged.links().empty()) << "what is no GPU has none";
}

TEST(Merge, WhatOnlyTheProbeHasSeen_IsAddedBelowTheNearestThatBothKnow) {
  const Machine file("", {{kNoNode, numa(0)}, {0, PciBridge{at("0000:10:00.0", 0x060400)}}, {1, gpu("0000:11:00.0")}},
                     {});
  const Machine probe("",
                      {{kNoNode, numa(0)},
                       {0, PciBridge{at("0000:10:00.0", 0x060400)}},
                       {1, PciBridge{at("0000:12:00.0", 0x060400)}},
                       {2, gpu("0000:13:00.0", 1)},
                       {1, PciBridge{at("0000:14:00.0", 0x060400)}},
                       {0, NicNode{}},
                       {5, net("eth0")},
                       {kNoNode, numa(1)},
                       {7, NicNode{at("0000:81:00.0")}},
                       {8, net("eth1")},
                       {kNoNode, numa(2)}},
                      {});
  const std::vector<Node> expected = {{kNoNode, numa(0)},
                                      {0, PciBridge{at("0000:10:00.0", 0x060400)}},
                                      {1, gpu("0000:11:00.0")},
                                      {1, PciBridge{at("0000:12:00.0", 0x060400)}},
                                      {3, gpu("0000:13:00.0", 1)},
                                      {0, NicNode{}},
                                      {5, net("eth0")},
                                      {kNoNode, numa(1)},
                                      {7, NicNode{at("0000:81:00.0")}},
                                      {8, net("eth1")}};
  EXPECT_EQ(merge(file, probe), Machine("", expected, {})) << "without the bridge 0000:14:00.0 and NUMA node 2";
}

TEST(Merge, NetworkOnNoBus_IsNotDoubled) {
  const Machine machine("", {{kNoNode, numa(0)}, {0, NicNode{}}, {1, net("eth0")}}, {});
  EXPECT_EQ(merge(machine, machine), machine);
}

TEST(Merge, GidsAndDmaBuffers_AreTheProbes) {
  NetNode seen = net("mlx5_0");
  seen.dma_buffers = true;
  seen.gids = {{3, "10.0.0.1", "RoCE v2"}};
  const auto with = [](const NetNode& node) {
    return Machine("", {{kNoNode, numa(0)}, {0, NicNode{at("0000:1a:00.0")}}, {1, node}}, {});
  };
  EXPECT_EQ(merge(with(net("mlx5_0")), with(seen)), with(seen));
}

TEST(Merge, FunctionsThatShareABusId_StayWhatTheyAre) {
  const Machine machine("",
                        {{kNoNode, numa(0)},
                         {0, NicNode{at("0000:1a:00.0")}},
                         {0, PciBridge{at("0000:1a:00.0", 0x060400)}},
                         {2, NicNode{at("0000:1a:00.0")}},
                         {3, net("eth0")}},
                        {});
  EXPECT_EQ(merge(machine, machine), machine);
}

TEST(Merge, NumaNodesWithoutNumbers_AreTheSameIfAlone) {
  NumaNode theirs = numa(0);
  theirs.vendor = "GenuineIntel";
  EXPECT_EQ(merge(Machine("", {{kNoNode, NumaNode{}}}, {}), Machine("", {{kNoNode, theirs}}, {})),
            Machine("", {{kNoNode, theirs}}, {}));
}

TEST(Merge, RandomMachines_MergedWithThemselvesOrNothing_StayAsTheyAre) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Machine machine = random_machine(seed);
    EXPECT_EQ(merge(machine, Machine("", {}, {})), machine);
    EXPECT_EQ(merge(merge(machine, random_machine(seed + 1000)), Machine("", {}, {})),
              merge(machine, random_machine(seed + 1000)));
  }
}

TEST(Merge, MachineMergedWithItself_GetsNoMoreParts) {
  // Nothing tells which of these NUMA nodes is which.
  const Machine alike(
      "", {{kNoNode, NumaNode{}}, {0, gpu("0000:01:00.0")}, {kNoNode, NumaNode{}}, {2, gpu("0000:02:00.0")}}, {});
  EXPECT_EQ(merge(alike, alike), alike);
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Machine machine = random_machine(seed);
    const Machine merged = merge(machine, machine);
    EXPECT_EQ(merged.nodes().size(), machine.nodes().size());
    EXPECT_EQ(merged.links(), machine.links());
  }
}

TEST(Merge, RandomMachines_KeepTheFilesTree) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Machine file = random_machine(seed);
    const Machine merged = merge(file, random_machine(seed + 1000));
    for (const Node& node : file.nodes()) {
      const PciFunction* pci = pci_of(node);
      if (pci == nullptr || pci->bus_id.empty()) continue;
      const NodeId there = merged.with_bus_id(pci->bus_id);
      ASSERT_NE(there, kNoNode) << pci->bus_id;
      const PciFunction* above = node.parent == kNoNode ? nullptr : pci_of(file.node(node.parent));
      if (above == nullptr) continue;
      EXPECT_EQ(pci_of(merged.node(merged.node(there).parent))->bus_id, above->bus_id);
    }
  }
}

}  // namespace
}  // namespace stretto::topology
