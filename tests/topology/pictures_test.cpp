// What people and programs see of machines. Text is held letter by letter: after an intended change run this test with
// STRETTO_TEST_UPDATE_GOLDEN=1 and read the difference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "topology/files.hpp"
#include "topology/files/machine_layout.hpp"
#include "topology/files/machine_svg.hpp"
#include "topology/files/machine_text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/xml.hpp"
#include "topology/random_machine.hpp"

namespace stretto::topology {
namespace {

using ::testing::HasSubstr;

Machine machine_named(const std::string& name) { return read_nccl_xml(text_of(machine_file(name)), name); }

TEST(MachineText, OfTheSampleMachines_ReadsAsBefore) {
  for (const char* name : {"eight_gpus_four_switches", "pcie_only", "xgmi_quad", "partial", "superchips"}) {
    const std::string text = machine_to_text(machine_named(name), name);
    const std::string path = std::string(STRETTO_MACHINES_FOLDER "/") + name + ".txt";
    if (std::getenv("STRETTO_TEST_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
    EXPECT_EQ(text, text_of(path)) << path;
  }
}

TEST(MachineText, ControlCharacters_DoNotReachTheTerminal) {
  NetNode net;
  net.name = "a\x07\xC2\x9B\xC3\xA9";
  const Machine machine("\x1B[2J", {{kNoNode, NumaNode{}}, {0, NicNode{}}, {1, net}}, {});
  const std::string text = machine_to_text(machine, "t\x1B");
  EXPECT_THAT(text, HasSubstr("host ?[2J\n"));
  EXPECT_THAT(text, HasSubstr("net a??\xC3\xA9"));
  EXPECT_EQ(text.find('\x1B'), std::string::npos);
}

TEST(MachineText, PortOfAnRdmaDevice_SaysWhatItCanAndTheGidToUse) {
  NetNode net;
  net.name = "mlx5_0";
  net.port = 1;
  net.direct_rdma = true;
  net.dma_buffers = false;
  net.gids = {{3, "10.0.0.1", "RoCE v2"}, {0, "fe80::1", ""}};
  const Machine machine("", {{kNoNode, NumaNode{}}, {0, NicNode{}}, {1, net}}, {});
  EXPECT_THAT(machine_to_text(machine, ""),
              HasSubstr("net mlx5_0, port 1, GPUDirect RDMA, no DMA buffers, GID 3 10.0.0.1 (RoCE v2)\n"));
  const nlohmann::json json = nlohmann::json::parse(machine_to_json(machine)).at("nodes").at(2);
  EXPECT_EQ(json.at("dma_buffers"), false);
  EXPECT_EQ(json.at("gids"), nlohmann::json::parse(R"([{"index": 3, "address": "10.0.0.1", "type": "RoCE v2"},
                                                       {"index": 0, "address": "fe80::1"}])"));
}

TEST(MachineText, Words_AreAsPeopleWriteThem) {
  EXPECT_EQ(number_ranges({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
  EXPECT_EQ(number_ranges({}), "");
  EXPECT_EQ(net_speed(100), "100 Mb/s");
  EXPECT_EQ(net_speed(2500), "2.5 Gb/s");
  EXPECT_EQ(net_speed(400000), "400 Gb/s");
  EXPECT_EQ(counted(1, "NVSwitch"), "1 NVSwitch");
  EXPECT_EQ(counted(2, "NVSwitch"), "2 NVSwitches");
  PciFunction pci;
  EXPECT_EQ(pcie_speed(pci), "");
  pci.gigatransfers_per_s = 16;
  EXPECT_EQ(pcie_speed(pci), "PCIe 16 GT/s");
  pci.lanes = 16;
  EXPECT_EQ(pcie_speed(pci), "PCIe 16 GT/s x16 = 31.5 GB/s");
  pci.gigatransfers_per_s = 2.5;
  pci.lanes = 1;
  EXPECT_EQ(pcie_speed(pci), "PCIe 2.5 GT/s x1 = 0.25 GB/s");
}

TEST(MachineText, GpusWithoutOrdinals_AreCalledByTheirPlaces) {
  EXPECT_EQ(gpu_labels(machine_named("partial")), (std::vector<std::string>{"GPU#0", "GPU#1", "GPU#2"}));
  EXPECT_EQ(gpu_labels(machine_named("superchips")), (std::vector<std::string>{"GPU0", "GPU1"}));
}

TEST(MachineText, TooManyGpus_AreNotPutIntoAMatrix) {
  std::vector<Node> nodes = {{kNoNode, NumaNode{}}};
  for (std::size_t i = 0; i <= kMostInPaths; ++i) {
    GpuNode gpu;
    gpu.pci.bus_id =
        canonical_bus_id("0:" + std::string(1, "0123456789abcdef"[i / 16]) + "0123456789abcdef"[i % 16] + ":0");
    nodes.push_back({0, gpu});
  }
  const Machine machine("", nodes, {});
  EXPECT_THAT(machine_to_text(machine, "many"), HasSubstr("Paths are not listed: there are more than 64"));
  EXPECT_TRUE(nlohmann::json::parse(machine_to_json(machine)).at("paths").is_null());
}

TEST(MachineJson, OfAMachine_HoldsNodesLinksAndPaths) {
  const auto json = nlohmann::json::parse(machine_to_json(machine_named("superchips")));
  EXPECT_EQ(json.at("host"), "0x77");
  const auto& gpu = json.at("nodes").at(1);
  EXPECT_EQ(gpu.at("id"), 1);
  EXPECT_EQ(gpu.at("parent"), 0);
  EXPECT_EQ(gpu.at("kind"), "gpu");
  EXPECT_EQ(gpu.at("bus_id"), "0008:01:00.0");
  EXPECT_EQ(gpu.at("compute_capability"), 90);
  EXPECT_FALSE(gpu.contains("gcn"));
  EXPECT_TRUE(json.at("nodes").at(0).at("parent").is_null());
  const auto& link = json.at("links").at(0);
  EXPECT_EQ(link.at("kind"), "nvlink");
  EXPECT_EQ(link.at("count"), 6);
  EXPECT_EQ(link.at("gigabytes_per_s_of_each"), 25.781);
  EXPECT_EQ(json.at("paths").at("from"), (std::vector<int>{1, 6}));
  EXPECT_EQ(json.at("paths").at("classes").at(0).at(1), "NV18");
}

TEST(MachineSvg, OfAnyMachine_IsWellFormedAndNamesItsParts) {
  std::vector<Machine> machines;
  for (const std::string& file : machine_files()) machines.push_back(read_nccl_xml(text_of(file), file));
  for (std::uint64_t seed = 0; seed < 200; ++seed) machines.push_back(random_machine(seed));
  for (std::size_t i = 0; i < machines.size(); ++i) {
    SCOPED_TRACE(i);
    const Machine& machine = machines[i];
    const std::string svg = machine_to_svg(machine, "<title> & more");
    const XmlElement root = parse_xml(svg, "picture");
    EXPECT_EQ(root.name, "svg");
    for (const std::string& label : gpu_labels(machine)) EXPECT_THAT(svg, HasSubstr(">" + label));
    for (const NodeId gpu : machine.gpus()) EXPECT_THAT(svg, HasSubstr(pci_of(machine.node(gpu))->bus_id));
  }
}

bool overlap(const Box& a, const Box& b) {
  return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
}

TEST(MachineLayout, OfAnyMachine_PlacesEachPartOnceInsideItsNumaNodeAndOverNoOther) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    const Machine machine = random_machine(seed);
    const Layout layout = lay_out(machine);
    std::map<NodeId, Box> boxes;
    std::size_t n_placed = 0;
    for (const auto* row : {&layout.bridges, &layout.nics, &layout.gpus, &layout.switches}) {
      for (const Placed& placed : *row) boxes[placed.id] = placed.box, ++n_placed;
    }
    EXPECT_EQ(boxes.size(), n_placed);
    EXPECT_EQ(layout.gpus.size() + layout.nics.size() + layout.bridges.size() + layout.switches.size() +
                  layout.numas.size() + machine.nets().size(),
              machine.nodes().size());
    for (auto a = boxes.begin(); a != boxes.end(); ++a) {
      EXPECT_GE(a->second.x, 0);
      EXPECT_LE(a->second.right(), layout.width);
      EXPECT_LE(a->second.bottom(), layout.height);
      for (auto b = std::next(a); b != boxes.end(); ++b)
        EXPECT_FALSE(overlap(a->second, b->second)) << a->first << " " << b->first;
      if (std::holds_alternative<SwitchNode>(machine.node(a->first).facts)) continue;
      const Box* numa = layout.box_of[static_cast<std::size_t>(machine.numa_of(a->first))];
      EXPECT_TRUE(numa->x <= a->second.x && a->second.right() <= numa->right() && a->second.bottom() <= numa->bottom());
    }
  }
}

}  // namespace
}  // namespace stretto::topology
