// hwloc's own file of this machine against the probe's view of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "topology/files/machine_file.hpp"
#include "topology/files/xml.hpp"
#include "topology/probe/probe.hpp"
#include "topology/probe/shared_library.hpp"

#if STRETTO_TEST_HAS_HWLOC
#include <hwloc.h>

namespace stretto::test {
namespace {

using namespace topology;

/// "": hwloc is not there, or cannot.
std::string exported() {
  const SharedLibrary library("libhwloc.so.15");
  decltype(&hwloc_topology_init) init = nullptr;
  decltype(&hwloc_topology_set_flags) set_flags = nullptr;
  decltype(&hwloc_topology_set_io_types_filter) set_io = nullptr;
  decltype(&hwloc_topology_load) load = nullptr;
  decltype(&hwloc_topology_export_xmlbuffer) write = nullptr;
  decltype(&hwloc_free_xmlbuffer) free_text = nullptr;
  decltype(&hwloc_topology_destroy) destroy = nullptr;
  if (!library || !library.find("hwloc_topology_init", init) || !library.find("hwloc_topology_set_flags", set_flags) ||
      !library.find("hwloc_topology_set_io_types_filter", set_io) || !library.find("hwloc_topology_load", load) ||
      !library.find("hwloc_topology_export_xmlbuffer", write) || !library.find("hwloc_free_xmlbuffer", free_text) ||
      !library.find("hwloc_topology_destroy", destroy)) {
    return "";
  }
  hwloc_topology_t topology = nullptr;
  if (init(&topology) != 0) return "";
  set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);
  set_io(topology, HWLOC_TYPE_FILTER_KEEP_ALL);
  std::string text;
  char* buffer = nullptr;
  int length = 0;
  if (load(topology) == 0 && write(topology, &buffer, &length, 0) == 0) {
    text = buffer;
    free_text(topology, buffer);
  }
  destroy(topology);
  return text;
}

NodeId numa_with(const Machine& machine, std::optional<std::int32_t> id) {
  for (const NodeId root : machine.roots()) {
    const auto* numa = std::get_if<NumaNode>(&machine.node(root).facts);
    if (numa != nullptr && numa->numa_id == id) return root;
  }
  return kNoNode;
}

/// The bus id of what is above on PCI, or the NUMA node's number; "": neither is known.
std::string parent_of(const Machine& machine, NodeId id) {
  const Node& parent = machine.node(machine.node(id).parent);
  if (const PciFunction* pci = pci_of(parent)) return pci->bus_id;
  const auto number = std::get<NumaNode>(parent.facts).numa_id;
  return number ? "NUMA node " + std::to_string(*number) : "";
}

bool is_virtual(const std::string& bus_id) {
  return std::filesystem::exists("/sys/bus/pci/devices/" + bus_id + "/physfn");
}

void expect_same_numa_nodes(const Machine& file, const Machine& probed) {
  for (const NodeId root : probed.roots()) {
    const auto* seen = std::get_if<NumaNode>(&probed.node(root).facts);
    if (seen == nullptr || !seen->numa_id) continue;
    const NodeId same = numa_with(file, seen->numa_id);
    ASSERT_NE(same, kNoNode) << name_of(probed.node(root));
    const auto& read = std::get<NumaNode>(file.node(same).facts);
    EXPECT_EQ(read.processors, seen->processors);
    EXPECT_EQ(read.package, seen->package);
    EXPECT_EQ(read.architecture, seen->architecture);
    EXPECT_EQ(read.vendor, read.vendor.empty() ? "" : seen->vendor);
    EXPECT_EQ(read.model, read.model ? seen->model : std::nullopt);
  }
}

void expect_same_functions(const Machine& file, const Machine& probed) {
  for (std::size_t i = 0; i < probed.nodes().size(); ++i) {
    const auto id = static_cast<NodeId>(i);
    const PciFunction* pci = pci_of(probed.node(id));
    if (pci == nullptr || pci->bus_id.empty()) continue;
    const NodeId same = file.with_bus_id(pci->bus_id);
    ASSERT_NE(same, kNoNode) << pci->bus_id;
    const PciFunction& read = *pci_of(file.node(same));
    EXPECT_EQ(file.node(same).facts.index(), probed.node(id).facts.index()) << pci->bus_id;
    EXPECT_EQ(read.device_class >> 8, pci->device_class >> 8) << pci->bus_id;
    EXPECT_EQ(read.vendor, pci->vendor) << pci->bus_id;
    EXPECT_EQ(read.device, pci->device) << pci->bus_id;
    const std::string above = parent_of(file, same);
    const bool both_know = !above.empty() && !parent_of(probed, id).empty();
    EXPECT_EQ(above, both_know ? parent_of(probed, id) : above) << pci->bus_id;
    for (const NodeId child : probed.children(id)) {
      const auto* net = std::get_if<NetNode>(&probed.node(child).facts);
      if (net == nullptr) continue;
      const auto& nets = file.children(same);
      EXPECT_TRUE(std::any_of(nets.begin(), nets.end(), [&](NodeId other) {
        return name_of(file.node(other)) == net->name;
      })) << net->name;
    }
  }
}

TEST(HwlocFile, OfThisMachine_IsWhatTheProbeSees) {
  if (!has_xml_reader()) GTEST_SKIP() << "no expat";
  const std::string text = exported();
  if (text.empty()) GTEST_SKIP() << "no libhwloc.so.15";
  std::vector<std::string> warnings;
  const Machine file = read_machine(text, "hwloc.xml", &warnings);
  const Machine probed = probe_machine().machine;
  EXPECT_EQ(file.host(), probed.host());
  expect_same_numa_nodes(file, probed);
  expect_same_functions(file, probed);
  for (const Node& node : file.nodes()) {
    const PciFunction* pci = pci_of(node);
    if (pci == nullptr || pci->bus_id.empty() || is_virtual(pci->bus_id)) continue;
    EXPECT_NE(probed.with_bus_id(pci->bus_id), kNoNode) << "only hwloc has " << name_of(node);
  }
  RecordProperty("exported", text);
}

}  // namespace
}  // namespace stretto::test

#endif
