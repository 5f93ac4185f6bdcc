// The graph of a machine: what it refuses, and how its parts are found and called.
#include "topology/graph/machine.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"

namespace stretto::topology {
namespace {

PciFunction at(const std::string& bus_id) {
  PciFunction pci;
  pci.bus_id = bus_id;
  return pci;
}

NumaNode numa(std::int32_t id) {
  NumaNode node;
  node.numa_id = id;
  return node;
}

GpuNode gpu(const std::string& bus_id, std::int32_t ordinal) {
  GpuNode node;
  node.pci = at(bus_id);
  node.ordinal = ordinal;
  return node;
}

NetNode net(const std::string& name) {
  NetNode node;
  node.name = name;
  return node;
}

/// NUMA node 0: bridge > GPU 0, NIC > eth0. NUMA node 1: GPU 1.
std::vector<Node> nodes() {
  return {{kNoNode, numa(0)},
          {0, PciBridge{at("0000:01:00.0")}},
          {1, gpu("0000:02:00.0", 0)},
          {1, NicNode{at("0000:03:00.0")}},
          {3, net("eth0")},
          {kNoNode, numa(1)},
          {5, gpu("0000:81:00.0", 1)}};
}

void expect_refusal(std::vector<Node> parts, std::vector<Link> links, const std::string& reason) {
  try {
    const Machine machine("", std::move(parts), std::move(links));
    FAIL() << "it was taken: " << reason;
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoInvalidArgument);
    EXPECT_THAT(error.info().text, ::testing::HasSubstr(reason));
  }
}

TEST(Machine, Parts_AreFound) {
  const Machine machine("here", nodes(), {});
  EXPECT_EQ(machine.host(), "here");
  EXPECT_EQ(machine.gpus(), (std::vector<NodeId>{2, 6}));
  EXPECT_EQ(machine.nets(), (std::vector<NodeId>{4}));
  EXPECT_EQ(machine.roots(), (std::vector<NodeId>{0, 5}));
  EXPECT_EQ(machine.children(1), (std::vector<NodeId>{2, 3}));
  EXPECT_EQ(machine.numa_of(4), 0);
  EXPECT_EQ(machine.numa_of(6), 5);
  EXPECT_EQ(machine.numa_of(5), 5);
  EXPECT_EQ(machine.with_bus_id("0000:81:00.0"), 6);
  EXPECT_EQ(machine.with_bus_id("0000:82:00.0"), kNoNode);
  EXPECT_EQ(machine.with_bus_id(""), kNoNode) << "what has none is not what has that one";
}

TEST(Machine, Parts_HaveNames) {
  const Machine machine("", nodes(), {});
  EXPECT_EQ(name_of(machine.node(0)), "NUMA node 0");
  EXPECT_EQ(name_of(machine.node(1)), "the bridge (0000:01:00.0)");
  EXPECT_EQ(name_of(machine.node(2)), "GPU 0 (0000:02:00.0)");
  EXPECT_EQ(name_of(machine.node(3)), "the NIC (0000:03:00.0)");
  EXPECT_EQ(name_of(machine.node(4)), "eth0");
  EXPECT_EQ(name_of({kNoNode, SwitchNode{at("0000:04:00.0")}}), "the NVSwitch (0000:04:00.0)");
  EXPECT_EQ(name_of({kNoNode, NumaNode{}}), "the NUMA node");
  EXPECT_EQ(name_of({kNoNode, NetNode{}}), "a network");
  EXPECT_EQ(name_of({kNoNode, GpuNode{}}), "a GPU");
}

TEST(Machine, TreesThatCannotBe_AreRefused) {
  expect_refusal({{0, numa(0)}}, {}, "comes before its parent");
  expect_refusal({{kNoNode, numa(0)}, {2, PciBridge{at("0000:01:00.0")}}}, {}, "comes before its parent");
  expect_refusal({{kNoNode, numa(0)}, {-2, PciBridge{at("0000:01:00.0")}}}, {}, "comes before its parent");
  expect_refusal({{kNoNode, numa(0)}, {0, numa(1)}}, {}, "NUMA nodes are the machine's own parts");
  expect_refusal({{kNoNode, numa(0)}, {0, net("eth0")}}, {}, "eth0 is not inside a NIC");
  expect_refusal({{kNoNode, net("eth0")}}, {}, "eth0 is not inside a NIC");
  expect_refusal({{kNoNode, gpu("0000:01:00.0", 3)}}, {}, "GPU 3 (0000:01:00.0) is in no NUMA node");
  std::vector<Node> below_net = nodes();
  below_net.insert(below_net.begin() + 5, {4, PciBridge{at("0000:09:00.0")}});
  expect_refusal(below_net, {}, "is inside eth0, which is a network");
}

TEST(Machine, BusIdsThatCannotBe_AreRefused) {
  expect_refusal({{kNoNode, numa(0)}, {0, PciBridge{}}}, {}, "has no bus id");
  expect_refusal({{kNoNode, numa(0)}, {0, gpu("", 0)}}, {}, "has no bus id");
  expect_refusal({{kNoNode, numa(0)}, {0, gpu("0000:AB:00.0", 0)}}, {}, "is no bus id in lower case");
  expect_refusal({{kNoNode, numa(0)}, {0, gpu("ab:00.0", 0)}}, {}, "is no bus id in lower case");
  expect_refusal({{kNoNode, numa(0)}, {0, gpu("0000:01:00.0", 0)}, {0, NicNode{at("0000:01:00.0")}}}, {},
                 "0000:01:00.0 of a GPU or NVSwitch is there twice");
  EXPECT_NO_THROW(
      Machine("", {{kNoNode, numa(0)}, {0, NicNode{at("0000:01:00.0")}}, {0, NicNode{at("0000:01:00.0")}}}, {}));
}

TEST(Machine, HiddenParts_NeedNoBusId) {
  EXPECT_NO_THROW(Machine("", {{kNoNode, numa(0)}, {0, NicNode{}}, {0, NicNode{}}, {kNoNode, SwitchNode{}}}, {}));
  expect_refusal({{kNoNode, SwitchNode{}}, {kNoNode, SwitchNode{}}}, {}, "two NVSwitches without a bus id");
  expect_refusal({{kNoNode, numa(0)}, {0, SwitchNode{}}}, {}, "has no bus id");
}

TEST(Machine, NumaNodesThatCannotBe_AreRefused) {
  expect_refusal({{kNoNode, numa(1)}, {kNoNode, numa(1)}}, {}, "NUMA node 1 is there twice");
  expect_refusal({{kNoNode, numa(-1)}}, {}, "negative");
  EXPECT_NO_THROW(Machine("", {{kNoNode, NumaNode{}}, {kNoNode, NumaNode{}}}, {}));
  for (const auto& processors : std::vector<std::vector<std::int32_t>>{{1, 1}, {2, 1}, {-1}, {kMostProcessors}}) {
    NumaNode node = numa(0);
    node.processors = processors;
    expect_refusal({{kNoNode, node}}, {}, "are not ascending numbers");
  }
}

TEST(Machine, LinksThatCannotBe_AreRefused) {
  expect_refusal(nodes(), {{2, 7}}, "a node that is not there");
  expect_refusal(nodes(), {{-1, 2}}, "a node that is not there");
  expect_refusal(nodes(), {{2, 2}}, "has a link to itself");
  expect_refusal(nodes(), {{2, 1}}, "which have none");
  expect_refusal(nodes(), {{4, 2}}, "which have none");
  expect_refusal(nodes(), {{2, 6, LinkKind::nvlink, 0}}, "there are 0 links");
  expect_refusal(nodes(), {{2, 6, LinkKind::nvlink, 1, 0.0}}, "a link without bandwidth");
  EXPECT_NO_THROW(Machine("", nodes(), {{2, 6}, {6, 2}, {2, 0, LinkKind::c2c}}));
}

TEST(Machine, BusIds_HaveOneForm) {
  EXPECT_EQ(canonical_bus_id("3B:00.0"), "0000:3b:00.0");
  EXPECT_EQ(canonical_bus_id("0000:3b:00.0"), "0000:3b:00.0");
  EXPECT_EQ(canonical_bus_id("00000000:3B:00.0"), "0000:3b:00.0") << "as NVML writes it";
  EXPECT_EQ(canonical_bus_id("10000:e1:00.0"), "10000:e1:00.0") << "as a volume management device has it";
  EXPECT_EQ(canonical_bus_id("1:2:3"), "0001:02:03.0");
  for (const char* text :
       {"", ":", "::", "3b", "3b:", "3b:00.", "3b:00.10", "3b:000.0", "123:00.0", "0:1:2:3.0", "g:00.0",
        "123456789:3b:00.0", "fffffff:ffff:ff", " 3b:00.0", "3b:00.0 ", "-1:00.0", "0x3b:00.0"}) {
    EXPECT_EQ(canonical_bus_id(text), "") << text;
  }
}

}  // namespace
}  // namespace stretto::topology
