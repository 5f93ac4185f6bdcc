// hwloc's topology files: what they are read as, what is left out of them and said, and what is refused in which words.
#include "topology/files/hwloc_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "topology/files.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/nccl_xml.hpp"

namespace stretto::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string sample(const std::string& name) { return STRETTO_HWLOC_FOLDER "/" + name + ".xml"; }

Machine read(const std::string& text, std::vector<std::string>* warnings = nullptr) {
  return read_machine(text, "some.xml", warnings);
}

/// In lines 1 and 2 a machine of version 2 with processors 0 and 1, and what is in it from line 3 on.
std::string in_machine(const std::string& inner) {
  return "<topology version=\"2.0\"><object type=\"Machine\" cpuset=\"0x3\">\n<object type=\"PU\" "
         "os_index=\"0\"/><object "
         "type=\"PU\" os_index=\"1\"/>\n" +
         inner + "\n</object></topology>\n";
}

std::string device(const std::string& words, const std::string& inner = "") {
  return "<object type=\"PCIDev\" pci_busid=\"0000:01:00.0\" " + words + ">\n" + inner + "</object>\n";
}

std::string os_device(const std::string& name, int type) {
  return "<object type=\"OSDev\" name=\"" + name + "\" osdev_type=\"" + std::to_string(type) + "\"></object>\n";
}

void expect_refusal(const std::string& text, const std::string& place, const std::string& reason) {
  try {
    read(text);
    FAIL() << "it was read: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.info().code, strettoInvalidArgument) << text;
    EXPECT_THAT(error.info().text, HasSubstr("topology file some.xml, " + place + ": ")) << text;
    EXPECT_THAT(error.info().text, HasSubstr(reason)) << text;
  }
}

std::vector<std::int32_t> processors(const Machine& machine, NodeId id) {
  return std::get<NumaNode>(machine.node(id).facts).processors;
}

NumaNode socket(std::int32_t number, std::vector<std::int32_t> processors) {
  NumaNode numa;
  numa.numa_id = numa.package = number;
  numa.processors = std::move(processors);
  numa.architecture = "x86_64";
  numa.vendor = "GenuineIntel";
  numa.family = 6;
  numa.model = 143;
  return numa;
}

TEST(HwlocXml, MachineOfVersion3_IsReadAsAProbeWouldSeeIt) {
  std::vector<std::string> warnings;
  const std::string path = sample("two_sockets_v3");
  const Machine machine = read_machine_file(path, &warnings);
  const PciBridge upward{{"0000:17:00.0", 0x060400, 0x1000, 0xc030, 0x1000, 0x0001, 32.0, 16}};
  const NicNode nic{{"0000:19:00.0", 0x020700, 0x15b3, 0x1021, 0x15b3, 0x0023, 32.0, 16}};
  NetNode interface;
  interface.name = "ib0", interface.rdma_device = "mlx5_0";
  NetNode port;
  port.name = "mlx5_0", port.port = 1, port.guid = 0x506b4b0300cb1234;
  GpuNode gpu;
  gpu.pci = {"0000:1a:00.0", 0x030200, 0x10de, 0x2330, 0x10de, 0x16c1, 32.0, 16};
  gpu.ordinal = 0, gpu.uuid = "GPU-12345678-1234-1234-1234-123456789abc";
  GpuNode accelerator;
  accelerator.pci = {"0000:81:00.0", 0x120000, 0x1002, 0x74a1, 0x1002, 0x74a1, {}, {}};
  accelerator.ordinal = 1;
  const SwitchNode nv_switch{{"0000:82:00.0", 0x068000, 0x10de, 0x22a3, 0x10de, 0x1796, {}, {}}};
  EXPECT_EQ(machine, Machine("node7",
                             {{kNoNode, socket(0, {0, 1, 2, 3})},
                              {0, upward},
                              {1, nic},
                              {2, interface},
                              {2, port},
                              {1, gpu},
                              {kNoNode, socket(1, {4, 5, 6, 7})},
                              {6, accelerator},
                              {6, nv_switch}},
                             {}));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("line 76, <distances2hetero>: links between GPUs are not read"),
                                    HasSubstr("line 11, <object>: is memory without processors of its own")));
}

TEST(HwlocXml, MachineOfVersion1WithoutNumaNodes_IsOneNode) {
  std::vector<std::string> warnings;
  const Machine machine = read_machine_file(sample("no_numa_v1"), &warnings);
  NumaNode all;
  all.processors = {0, 1};
  all.architecture = "arm64";
  all.package = 0;
  GpuNode gpu;
  gpu.pci = {"0000:01:00.0", 0x030200, 0x10de, 0x1094, 0x10de, 0x0888, 5.0, 16};
  gpu.ordinal = 0;
  const NicNode nic{{"0000:02:00.0", 0x0c0600, 0x15b3, 0x673c, 0x15b3, 0x0008, 2.5, 16}};
  NetNode port;
  port.name = "mlx4_0", port.port = 1;
  EXPECT_EQ(machine, Machine("old", {{kNoNode, all}, {0, gpu}, {0, nic}, {2, port}}, {}));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("mlx4_0 port 2 is not active, and left out")));
}

TEST(HwlocXml, WhatIsRead_IsWrittenAsNcclReadsIt) {
  for (const char* name : {"two_sockets_v3", "no_numa_v1"}) {
    const Machine machine = read_machine_file(sample(name));
    std::vector<std::string> warnings;
    EXPECT_EQ(read(write_nccl_xml(machine), &warnings), machine) << name;
    EXPECT_THAT(warnings, IsEmpty()) << name;
  }
}

TEST(HwlocXml, SetsOfProcessors_AreReadInAllTheirForms) {
  const auto has = [](const std::string& set) {
    return processors(read(in_machine("<object type='PU' os_index='40'/><object type='NUMANode' os_index='0' cpuset='" +
                                      set + "'/>")),
                      0);
  };
  EXPECT_THAT(has("0x3"), ElementsAre(0, 1));
  EXPECT_THAT(has("0x00000100,0x00000002"), ElementsAre(1, 40));
  EXPECT_THAT(has("0x00000100,,"), ElementsAre(0, 1, 40)) << "none of its own: all are one node's";
  EXPECT_THAT(has("0x100,"), ElementsAre(40));
  EXPECT_THAT(has("0xf...f"), ElementsAre(0, 1, 40));
  EXPECT_THAT(has("0xf...f,0x00000001"), ElementsAre(0, 40));
  EXPECT_THAT(has("1"), ElementsAre(0));
  for (const std::string set : {"0x", "0xg", "0x123456789", "0xf...f0", "f...f", "-1", "0x1;0x2", "0x1 "}) {
    expect_refusal(in_machine("<object type='NUMANode' cpuset='" + set + "'/>"), "line 3, <object>",
                   "give words of 0x and up to 8 hexadecimal digits");
  }
  std::string most = "0x1";
  for (int i = 1; i < kMostProcessors / 32; ++i) most += ",";
  EXPECT_NO_THROW(has(most));
  expect_refusal(in_machine("<object type='NUMANode' cpuset='" + most + ",'/>"), "line 3, <object>",
                 "at most 8192 processors");
}

TEST(HwlocXml, CardNearSeveralNodes_IsAtOneWithoutNumber) {
  std::vector<std::string> warnings;
  const Machine machine = read(in_machine("<object type='NUMANode' os_index='4' cpuset='0x2'/>\n"
                                          "<object type='NUMANode' os_index='3' cpuset='0x1'/>\n" +
                                          device("pci_type='0302 [10de:2330] [10de:16c1] a1'")),
                               &warnings);
  ASSERT_EQ(machine.roots().size(), 3U);
  EXPECT_EQ(std::get<NumaNode>(machine.node(machine.roots()[0]).facts).numa_id, 3);
  EXPECT_EQ(std::get<NumaNode>(machine.node(machine.roots()[1]).facts).numa_id, 4);
  EXPECT_EQ(machine.numa_of(machine.gpus().at(0)), machine.roots()[2]);
  EXPECT_FALSE(std::get<NumaNode>(machine.node(machine.roots()[2]).facts).numa_id);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("line 1, <object>: has I/O that is near several NUMA nodes")));
}

TEST(HwlocXml, ObjectsOfTheSystem_SayWhatACardIs) {
  const auto gpus = [](const std::string& name, int type) {
    return read(in_machine(device("pci_type='1180 [1234:0001] [0000:0000] 00'", os_device(name, type)))).gpus().size();
  };
  for (const char* name : {"cuda0", "opencl0d1", "ze0", "ze1.0"}) EXPECT_EQ(gpus(name, 5), 1U) << name;
  for (const char* name : {"nvml0", "rsmi3"}) EXPECT_EQ(gpus(name, 1), 1U) << name;
  for (const char* name : {"card0", ":0.0", "controlD64"}) EXPECT_EQ(gpus(name, 1), 0U) << name;
  for (const char* name : {"mic0", "ve0", "cuda", "zebra"}) EXPECT_EQ(gpus(name, 5), 0U) << name;
  EXPECT_EQ(gpus("cuda0", 0), 0U);
  // A matrox is a display, and no GPU; a network makes any card a NIC.
  EXPECT_THAT(read(in_machine(device("pci_type='0300 [102b:0538] [1028:0738] 04'"))).nodes().size(), 1U);
  const Machine machine = read(in_machine(device("", os_device("eth0", 2))));
  EXPECT_TRUE(std::holds_alternative<NicNode>(machine.node(1).facts));
  expect_refusal(in_machine(device("", os_device("eth0", 2) + os_device("cuda0", 5))), "line 5, <object>",
                 "is in a PCIDev with a GPU and a network");
  expect_refusal(in_machine(device("", os_device("cuda0", 5) + os_device("eth0", 2))), "line 5, <object>",
                 "is in a PCIDev with a GPU and a network");
}

TEST(HwlocXml, NetworksOnNoCard_AreInANicOfTheirNode) {
  const Machine machine = read(in_machine(os_device("veth0", 2) + os_device("bxi0", 3)));
  ASSERT_EQ(machine.nets().size(), 2U);
  EXPECT_EQ(std::get<NicNode>(machine.node(1).facts), NicNode{});
  EXPECT_EQ(name_of(machine.node(2)), "veth0");
}

TEST(HwlocXml, SpeedsOfLinks_AreOfTheMostLanes) {
  const auto link = [](const std::string& speed, std::vector<std::string>* warnings = nullptr) {
    const Machine machine =
        read(in_machine(device("pci_type='0302 [10de:2330] [10de:16c1] a1' pci_link_speed='" + speed + "'")), warnings);
    const PciFunction pci = *pci_of(machine.node(1));
    return std::pair(pci.gigatransfers_per_s.value_or(0), pci.lanes.value_or(0));
  };
  EXPECT_EQ(link("15.753846"), std::pair(8.0, 16));
  EXPECT_EQ(link("31.507692"), std::pair(16.0, 16));
  EXPECT_EQ(link("7.876923"), std::pair(8.0, 8));
  EXPECT_EQ(link("121.000000"), std::pair(64.0, 16));
  EXPECT_EQ(link("0.250000"), std::pair(2.5, 1));
  EXPECT_EQ(link("0.000000"), std::pair(0.0, 0));
  std::vector<std::string> warnings;
  EXPECT_EQ(link("13.500000", &warnings), std::pair(0.0, 0));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("line 3, <object>: no PCI link has 13.5 GB/s: it is left out")));
  expect_refusal(in_machine(device("pci_link_speed='fast'")), "line 3, <object>", "pci_link_speed is \"fast\"");
  expect_refusal(in_machine(device("pci_link_speed='-1'")), "line 3, <object>", "pci_link_speed is \"-1\"");
}

TEST(HwlocXml, WhatIsNotKnown_IsLeftOutAndSaidOnceOfAKind) {
  std::vector<std::string> warnings;
  const Machine machine = read(in_machine("<object type='Gizmo' mood='good'><object type='PU' os_index='2'/></object>\n"
                                          "<object type='Gizmo' mood='bad'/>\n<thing/><thing/>\n" +
                                          os_device("cuda0", 5)),
                               &warnings);
  EXPECT_THAT(processors(machine, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("line 3, <object>: the type Gizmo is not known"),
                                    HasSubstr("line 3, <object>: the attribute mood is not known"),
                                    HasSubstr("line 5, <thing>: is not known in <object>"),
                                    HasSubstr("line 6, <object>: cuda0 is on no PCI device, and left out")));
}

TEST(HwlocXml, WhatCannotBe_IsRefused) {
  expect_refusal("<topology version='4.0'/>", "line 1, <topology>", "version is \"4.0\": 1 to 3 of hwloc's format");
  expect_refusal("<topology version='new'/>", "line 1, <topology>", "version is \"new\"");
  expect_refusal("<root/>", "line 1, <root>", "is neither the <system> of NCCL's topology files nor the <topology>");
  expect_refusal("<topology><object/></topology>", "line 1, <object>", "has no type");
  expect_refusal("<topology><object type='Machine'/>\n<object type='Machine'/></topology>", "line 2, <object>",
                 "is the second machine, after that of line 1");
  expect_refusal(in_machine("<object type='PU'/>"), "line 3, <object>", "has no os_index");
  expect_refusal(in_machine("<object type='PU' os_index='8192'/>"), "line 3, <object>",
                 "a whole number from 0 to 8191");
  expect_refusal(in_machine("<object type='NUMANode' os_index='x'/>"), "line 3, <object>", "os_index is \"x\"");
  expect_refusal(in_machine("<object type='NUMANode' os_index='1' cpuset='0x1'/>\n<object type='NUMANode' "
                            "os_index='1' cpuset='0x2'/>"),
                 "line 4, <object>", "the NUMA node 1 is in line 3 already");
  expect_refusal(in_machine("<object type='PCIDev'/>"), "line 3, <object>", "has no pci_busid: give one");
  expect_refusal(in_machine("<object type='Bridge' bridge_type='1-1'/>"), "line 3, <object>", "has no pci_busid");
  expect_refusal(in_machine("<object type='PCIDev' pci_busid='here'/>"), "line 3, <object>", "give a PCI address");
  expect_refusal(in_machine(device("") + device("")), "line 5, <object>",
                 "pci_busid 0000:01:00.0 is in line 3 already");
  expect_refusal(in_machine(device("", device(""))), "line 4, <object>", "is inside a PCIDev: only a Bridge");
  expect_refusal(in_machine("<object type='Bridge' bridge_type='1-1' pci_busid='1:0.0' pci_type='0200 [8086:0001] "
                            "[0000:0000] 00'/>"),
                 "line 3, <object>", "is a Bridge whose pci_type is not 0604");
  for (const std::string type : {"0302", "0302 [10de:2330] [10de:16c1]", "0302 [10de:2330] [10de:16c1] a1 0",
                                 "030x [10de:2330] [10de:16c1] a1", "0302 (10de:2330) [10de:16c1] a1"}) {
    expect_refusal(in_machine(device("pci_type='" + type + "'")), "line 3, <object>", "give class, vendor and device");
  }
  expect_refusal(in_machine(os_device("eth0", -1)), "line 3, <object>", "osdev_type is \"-1\"");
}

TEST(HwlocXml, DocumentTypeWithDeclarations_IsRefused) {
  EXPECT_NO_THROW(read("<!DOCTYPE topology SYSTEM 'hwloc2.dtd'><topology/>"));
  expect_refusal("<!DOCTYPE topology SYSTEM 'hwloc2.dtd' [<!ENTITY a 'aaaa'>]><topology version='&a;'/>", "line 1",
                 "a document type is not read");
  expect_refusal("<!DOCTYPE other SYSTEM 'hwloc2.dtd'><topology/>", "line 1", "a document type is not read");
  expect_refusal("<!DOCTYPE system SYSTEM 'hwloc2.dtd'><system version='1'/>", "line 1", "a document type is not read");
  // What a document type elsewhere might declare is never asked for: nothing is opened.
  EXPECT_NO_THROW(read("<!DOCTYPE topology SYSTEM '/no/such/file'><topology>&a;</topology>"));
}

TEST(HwlocXml, Limits_AreKept) {
  std::string deep = "<topology>";
  for (int i = 0; i < 64; ++i) deep += "<object type='Group'>";
  expect_refusal(deep, "line 1", "nested deeper than 64 elements");
  std::string many = "<topology><object type='Machine' cpuset='0xf...f'>";
  for (int i = 0; i < 49'000; ++i) {
    many += "<object type='NUMANode' os_index='" + std::to_string(i) + "' cpuset='0xf...f'/><object type='Package' " +
            "cpuset='0xf...f'/>";
  }
  EXPECT_EQ(read(many + "</object></topology>").nodes().size(), 1U);
}

}  // namespace
}  // namespace stretto::topology
