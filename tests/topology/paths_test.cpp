// How GPUs reach one another and networks.
#include "topology/graph/paths.hpp"

#include <gtest/gtest.h>

#include "topology/random_machine.hpp"

namespace stretto::topology {
namespace {

PciFunction at(int number) {
  PciFunction pci;
  pci.bus_id = canonical_bus_id("0:" + std::to_string(number) + ":0.0");
  return pci;
}

GpuNode gpu(int number) {
  GpuNode node;
  node.pci = at(number);
  return node;
}

/// NUMA > bridge 1 > { bridge 2 > { GPU 3, GPU 4, NIC 5 > net }, bridge 6 > GPU 7 }, GPU 8; NUMA > GPU 9.
Machine machine(std::vector<Link> links, std::vector<Node> more = {}) {
  std::vector<Node> nodes = {{kNoNode, NumaNode{}}, {0, PciBridge{at(1)}}, {1, PciBridge{at(2)}}, {2, gpu(3)},
                             {2, gpu(4)},           {2, NicNode{at(5)}},   {5, NetNode{}},        {1, PciBridge{at(6)}},
                             {7, gpu(7)},           {0, gpu(8)},           {kNoNode, NumaNode{}}, {10, gpu(9)}};
  nodes.insert(nodes.end(), more.begin(), more.end());
  return {"", nodes, std::move(links)};
}

std::vector<std::string> words(const std::vector<Path>& row) {
  std::vector<std::string> texts;
  for (const Path& path : row) texts.push_back(to_string(path));
  return texts;
}

using Words = std::vector<std::string>;

TEST(Paths, OfTheTree_AreClassedByWhatIsBetween) {
  const Machine plain = machine({});
  std::vector<NodeId> ends = plain.gpus();
  ends.push_back(6);
  const auto rows = paths_from_gpus(plain, ends);
  ASSERT_EQ(rows.size(), 5U);
  EXPECT_EQ(words(rows[0]), (Words{"X", "PIX", "PXB", "PHB", "SYS", "PIX"}));
  EXPECT_EQ(words(rows[2]), (Words{"PXB", "PXB", "X", "PHB", "SYS", "PXB"}));
  EXPECT_EQ(words(rows[3]), (Words{"PHB", "PHB", "PHB", "X", "SYS", "PHB"}));
  EXPECT_EQ(words(rows[4]), (Words{"SYS", "SYS", "SYS", "SYS", "X", "SYS"}));
}

TEST(Paths, LinksBesideTheTree_GoFirstAndAddUp) {
  const Machine linked = machine({{3, 4, LinkKind::nvlink, 2}, {3, 4, LinkKind::nvlink, 3}, {3, 8, LinkKind::xgmi, 4}});
  const auto rows = paths_from_gpus(linked, linked.gpus());
  EXPECT_EQ(words(rows[0]), (Words{"X", "NV5", "XG4", "PHB", "SYS"}));
  EXPECT_EQ(words(rows[1]), (Words{"PIX", "X", "PXB", "PHB", "SYS"})) << "a link has one direction";
}

TEST(Paths, ThroughSwitches_AreAsWideAsTheNarrowerSide) {
  const Machine switched = machine({{3, 12, LinkKind::nvlink, 4},
                                    {12, 3, LinkKind::nvlink, 4},
                                    {4, 12, LinkKind::nvlink, 3},
                                    {12, 4, LinkKind::nvlink, 3},
                                    {3, 13, LinkKind::nvlink, 5},
                                    {13, 4, LinkKind::nvlink, 6},
                                    {3, 4, LinkKind::nvlink, 1}},
                                   {{kNoNode, SwitchNode{at(20)}}, {kNoNode, SwitchNode{at(21)}}});
  const auto rows = paths_from_gpus(switched, switched.gpus());
  EXPECT_EQ(words(rows[0])[1], "NV9") << "3 and 5 through the switches, 1 directly";
  EXPECT_EQ(words(rows[1])[0], "NV3");
}

TEST(Paths, LinkToTheProcessor_IsNoPathToAGpu) {
  const Machine linked = machine({{3, 0, LinkKind::c2c}, {0, 4, LinkKind::c2c}, {3, 0}, {0, 4}});
  EXPECT_EQ(to_string(paths_from_gpus(linked, linked.gpus())[0][1]), "PIX");
}

// What can be said of any tree without walking it.
TEST(Paths, OfRandomTrees_AreTheSameBothWays) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const Machine any = random_machine(seed);
    const Machine bare("", any.nodes(), {});
    const auto gpus = bare.gpus();
    const auto rows = paths_from_gpus(bare, gpus);
    for (std::size_t i = 0; i < gpus.size(); ++i) {
      for (std::size_t j = 0; j < gpus.size(); ++j) {
        EXPECT_EQ(rows[i][j], rows[j][i]);
        EXPECT_EQ(rows[i][j].kind == PathKind::self, i == j);
        EXPECT_EQ(rows[i][j].kind == PathKind::sys, bare.numa_of(gpus[i]) != bare.numa_of(gpus[j]));
      }
    }
  }
}

}  // namespace
}  // namespace stretto::topology
