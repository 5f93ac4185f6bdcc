// NCCL's topology files: what they are read as, and what is refused with which words.
#include "topology/files/nccl_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.hpp"
#include "topology/files.hpp"
#include "topology/graph/paths.hpp"

namespace stretto::topology {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// One NUMA node in lines 1 and 2, and what is in it from line 3 on.
std::string in_cpu(const std::string& inner) {
  return "<system version=\"1\">\n<cpu numaid=\"0\">\n" + inner + "\n</cpu>\n</system>\n";
}

std::string gpu(const std::string& bus_id, const std::string& links) {
  return "<pci busid=\"" + bus_id + "\" class=\"0x030200\"><gpu>\n" + links + "</gpu></pci>\n";
}

Machine read(const std::string& text, std::vector<std::string>* warnings = nullptr) {
  return read_nccl_xml(text, "some.xml", warnings);
}

/// The text must name the file and what is given.
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

TEST(NcclXml, EverythingItKnows_IsRead) {
  const Machine machine = read(R"(<system version="1">
  <cpu host_hash="0xabc" numaid="3" affinity="1,80000001" arch="x86_64" vendor="AuthenticAMD" familyid="25" modelid="0x11">
    <pci busid="0000:3B:00.0" class="0x030200" vendor="0x10de" device="0x2330" subsystem_vendor="0x10de"
         subsystem_device="0x16c1" link_speed="32.0 GT/s PCIe" link_width="16">
      <gpu dev="4" sm="90" rank="7" gdr="1" gcn="gfx942" arch="94"/>
    </pci>
    <nic>
      <net name="eth0" dev="2" speed="25000" latency="1.500000" port="1" guid="0xfffffffffffffffe" gdr="0" maxconn="9" coll="1"/>
    </nic>
  </cpu>
</system>)");
  NumaNode numa;
  numa.numa_id = 3;
  numa.processors = {0, 31, 32};
  numa.architecture = "x86_64";
  numa.vendor = "AuthenticAMD";
  numa.family = 25;
  numa.model = 17;
  GpuNode card;
  card.pci = {"0000:3b:00.0", 0x030200, 0x10de, 0x2330, 0x10de, 0x16c1, 32.0, 16};
  card.ordinal = 4;
  card.compute_capability = 90;
  card.rank = 7;
  card.direct_rdma = true;
  card.gcn = "gfx942";
  card.gcn_code = 94;
  const NetNode net{"eth0", 2, 25000, 1.5, 1, 0xfffffffffffffffe, 9, false, {}, true, "", {}, ""};
  EXPECT_EQ(machine, Machine("0xabc", {{kNoNode, numa}, {0, card}, {0, NicNode{}}, {2, net}}, {}));
}

TEST(NcclXml, WhatIsUnknown_IsAbsent) {
  const Machine machine = read(R"(<system version="2"><cpu numaid="-1">
    <pci busid="1:0.0" class="0x0300" link_speed="Unknown speed" link_width="0"><gpu rank="-1"/></pci>
    <pci busid="2:0.0" link_speed="" vendor=""><nic><net/></nic></pci></cpu></system>)");
  GpuNode card;
  card.pci.bus_id = "0000:01:00.0";
  card.pci.device_class = 0x0300;
  PciFunction other;
  other.bus_id = "0000:02:00.0";
  EXPECT_EQ(machine, Machine("", {{kNoNode, NumaNode{}}, {0, card}, {0, NicNode{other}}, {2, NetNode{}}}, {}));
}

TEST(NcclXml, FunctionsByTheirClass_AreWhatTheyAre) {
  const Machine machine = read(in_cpu(R"(<pci busid="1:0.0" class="0x030200"/><pci busid="2:0.0" class="0x038000"/>
    <pci busid="3:0.0" class="0x020700"/><pci busid="4:0.0" class="0x060400"/><pci busid="5:0.0" class="0x068000"/>
    <pci busid="6:0.0"/><pci busid="7:0.0" class="0x120000"><gpu/></pci><pci busid="8:0.0" class="0x120000"/>)"));
  std::vector<std::size_t> kinds;
  for (const Node& node : machine.nodes()) kinds.push_back(node.facts.index());
  EXPECT_THAT(kinds, ElementsAre(0, 2, 2, 3, 1, 5, 1, 2, 1));
}

TEST(NcclXml, LinksToSwitches_WorkBothWays) {
  const std::string links = "<nvlink target=\"c1:0.0\" count=\"4\" tclass=\"0x068000\"/>";
  const Machine machine = read(in_cpu(gpu("1:0.0", links) + gpu("2:0.0", links)));
  EXPECT_EQ(machine.roots().size(), 2U);
  EXPECT_EQ(name_of(machine.node(3)), "the NVSwitch (0000:c1:00.0)");
  const std::vector<Link> expected = {{1, 3, LinkKind::nvlink, 4, {}, "0x068000"},
                                      {3, 1, LinkKind::nvlink, 4},
                                      {2, 3, LinkKind::nvlink, 4, {}, "0x068000"},
                                      {3, 2, LinkKind::nvlink, 4}};
  EXPECT_EQ(machine.links(), expected);
  EXPECT_EQ(to_string(paths_from_gpus(machine, {2})[0][0]), "NV4");
}

TEST(NcclXml, SwitchInTheTree_IsTheTarget) {
  const Machine machine = read(
      in_cpu(gpu("1:0.0", R"(<nvlink target="c1:0.0" count="4"/>)") + R"(<pci busid="c1:0.0" class="0x068000"/>)"));
  EXPECT_EQ(machine.nodes().size(), 3U);
  EXPECT_EQ(machine.links().at(0), (Link{1, 2, LinkKind::nvlink, 4, {}, "0x068000"}));
}

TEST(NcclXml, SwitchesThatAVirtualMachineHides_AreOne) {
  const Machine machine =
      read(in_cpu(gpu("1:0.0", R"(<nvlink target="fffffff:ffff:ff" count="12" tclass="0x068000"/>)") +
                  gpu("2:0.0", R"(<nvlink target="fffffff:ffff:ff" count="12"/>)")));
  EXPECT_EQ(machine.nodes().size(), 4U);
  EXPECT_EQ(to_string(paths_from_gpus(machine, {2})[0][0]), "NV12");
}

TEST(NcclXml, LinksToOtherParts_AreRead) {
  const Machine machine = read(in_cpu(gpu("1:0.0", R"(<c2c bw="44712" count="10"/>
      <nvlink target="any" count="3" tclass="0x068001"/><xgmi target="2:0.0"/>)") +
                                      gpu("2:0.0", "")));
  const std::vector<Link> expected = {{1, 0, LinkKind::c2c, 10, 44.712},
                                      {0, 1, LinkKind::c2c, 10, 44.712},
                                      {1, 0, LinkKind::nvlink, 3, {}, "0x068001"},
                                      {0, 1, LinkKind::nvlink, 3},
                                      {1, 2, LinkKind::xgmi, 1, {}, "0x030200"}};
  EXPECT_EQ(machine.links(), expected);
}

TEST(NcclXml, WhatIsNotKnown_IsLeftOutAndNamedOnce) {
  std::vector<std::string> warnings;
  const Machine machine =
      read(in_cpu("<pci busid=\"1:0.0\" colour=\"red\"/><pci busid=\"2:0.0\" colour=\"blue\"><fan/></pci>\n"
                  "<nic keep=\"1\"><net name=\"a\" railid=\"1\"/><coffee/></nic><pci busid=\"3:0.0\"><fan/></pci>"),
           &warnings);
  EXPECT_THAT(warnings,
              ElementsAre("topology file some.xml, line 3, <pci>: the attribute colour is not known and left out",
                          "topology file some.xml, line 3, <fan>: is not known in <pci> and left out",
                          "topology file some.xml, line 4, <net>: the attribute railid is not known and left out",
                          "topology file some.xml, line 4, <coffee>: is not known in <nic> and left out"));
  EXPECT_EQ(machine.nodes().size(), 6U);
}

TEST(NcclXml, TextBetweenElements_IsNamed) {
  std::vector<std::string> warnings;
  read(in_cpu(gpu("1:0.0", "") + "<nic>words</nic>"), &warnings);
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("<nic>: holds text")));
}

TEST(NcclXml, LinkToItself_IsLeftOutAndNamed) {
  std::vector<std::string> warnings;
  const Machine machine =
      read(in_cpu(gpu("1:0.0", R"(<nvlink target="0000:01:00.0" count="12" tclass="0x030200"/>)")), &warnings);
  EXPECT_THAT(machine.links(), IsEmpty());
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("line 4, <nvlink>: leads from a GPU (0000:01:00.0) to itself")));
}

TEST(NcclXml, WhatIsNoTopology_IsRefused) {
  expect_refusal("", "line 1", "no well-formed XML: no element found");
  expect_refusal("<system version=\"1\">\n<cpu>\n</system>", "line 3", "no well-formed XML: mismatched tag");
  expect_refusal("<system version='1'/><system version='1'/>", "line 1", "no well-formed XML: junk after");
  expect_refusal("<topology/>", "line 1, <topology>", "is not the <system> of a topology file");
  expect_refusal("<system/>", "line 1, <system>", "has no version");
  expect_refusal("\n<system version=\"3\"/>", "line 2, <system>", "version is \"3\": give a whole number from 1 to 2");
}

TEST(NcclXml, ValuesThatCannotBe_AreRefused) {
  const auto attribute = [](const std::string& words) { return in_cpu("<pci busid=\"1:0.0\" " + words + "/>"); };
  expect_refusal(in_cpu("<pci/>"), "line 3, <pci>", "has no busid: give one");
  expect_refusal(in_cpu("<pci busid=\"1:2:3:4\"/>"), "line 3, <pci>",
                 "busid is \"1:2:3:4\": give a PCI address such as");
  expect_refusal(attribute("class=\"gpu\""), "line 3, <pci>", "class is \"gpu\": give a whole number");
  expect_refusal(attribute("class=\"0x1000000\""), "line 3, <pci>", "from 0 to 16777215");
  expect_refusal(attribute("vendor=\"0x10000\""), "line 3, <pci>", "vendor is");
  expect_refusal(attribute("vendor=\"0x-1\""), "line 3, <pci>", "vendor is");
  expect_refusal(attribute("link_width=\"65\""), "line 3, <pci>", "link_width is \"65\"");
  expect_refusal(attribute("link_width=\"-2\""), "line 3, <pci>", "link_width is \"-2\"");
  for (const char* rate : {"16", "GT/s", "x GT/s", "-1 GT/s", "0 GT/s", "1e9 GT/s", "nan GT/s", "16 GT/sec"}) {
    expect_refusal(attribute(std::string("link_speed=\"") + rate + "\""), "line 3, <pci>",
                   "such as \"16.0 GT/s PCIe\"");
  }
  const auto gpu_with = [](const std::string& words) {
    return in_cpu("<pci busid=\"1:0.0\">\n<gpu " + words + "/></pci>");
  };
  expect_refusal(gpu_with("dev=\"one\""), "line 4, <gpu>", "dev is \"one\"");
  expect_refusal(gpu_with("sm=\"90a\""), "line 4, <gpu>", "sm is \"90a\"");
  expect_refusal(gpu_with("rank=\"2147483648\""), "line 4, <gpu>", "rank is \"2147483648\"");
  expect_refusal(gpu_with("gdr=\"2\""), "line 4, <gpu>", "gdr is \"2\": give a whole number from 0 to 1");
  const auto net_with = [](const std::string& words) { return in_cpu("<nic>\n<net " + words + "/></nic>"); };
  expect_refusal(net_with("guid=\"0x1ffffffffffffffff\""), "line 4, <net>", "guid is");
  expect_refusal(net_with("guid=\"-1\""), "line 4, <net>", "guid is");
  expect_refusal(net_with("latency=\"fast\""), "line 4, <net>", "latency is \"fast\"");
  expect_refusal(net_with("latency=\"-1\""), "line 4, <net>", "latency is");
  expect_refusal(net_with("latency=\"inf\""), "line 4, <net>", "latency is");
  expect_refusal(net_with("speed=\"-1\""), "line 4, <net>", "speed is");
  expect_refusal(net_with("dev=\"" + std::string(100, '9') + "\""), "line 4, <net>",
                 "dev is \"" + std::string(60, '9') + "...\"");
}

TEST(NcclXml, AffinitiesThatCannotBe_AreRefused) {
  const auto mask = [](const std::string& text) {
    return "<system version=\"1\"><cpu affinity=\"" + text + "\"/></system>";
  };
  for (const std::string text : {"g", "ff,", ",ff", "ff,,ff", "123456789", "0xff", "-1", "ff ff"}) {
    expect_refusal(mask(text), "line 1, <cpu>", "give words of up to 8 hexadecimal digits");
  }
  std::string most = "80000000";
  for (int i = 1; i < kMostProcessors / 32; ++i) most += ",0";
  const Machine machine = read(mask(most));
  EXPECT_THAT(std::get<NumaNode>(machine.node(0).facts).processors, ElementsAre(kMostProcessors - 1));
  expect_refusal(mask("0," + most), "line 1, <cpu>", "for at most 8192 processors");
}

/// As in files of AMD's: three bridges with one bus id, or a bridge and a NIC.
TEST(NcclXml, BridgesAndNicsWithTheBusIdOfOthers_AreFunctionsOfTheirOwn) {
  std::vector<std::string> warnings;
  const std::string text = in_cpu(
      "<pci busid=\"1:0.0\" class=\"0x060400\"><pci busid=\"2:0.0\"><gpu dev=\"0\"/></pci></pci>\n"
      "<pci busid=\"1:0.0\" class=\"0x060400\"><pci busid=\"3:0.0\"><gpu dev=\"1\"/></pci></pci>\n"
      "<pci busid=\"1:0.0\" class=\"0x020700\"><nic><net name=\"mlx5_0\"/></nic></pci>");
  const Machine machine = read_nccl_xml(text, "twice.xml", &warnings);
  ASSERT_EQ(machine.nodes().size(), 7U);
  EXPECT_EQ(machine.node(4).parent, 3);
  EXPECT_EQ(machine.node(6).parent, 5);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr("line 4, <pci>: has the busid 0000:01:00.0 of line 3, and is taken for another"));
  EXPECT_EQ(read_nccl_xml(write_nccl_xml(machine), "again.xml"), machine);
}

TEST(NcclXml, PartsThatAreThereTwice_AreRefused) {
  expect_refusal(in_cpu("<pci busid=\"1:0.0\"/>\n<pci busid=\"0000:01:00.0\"><gpu/></pci>"), "line 4, <pci>",
                 "busid 0000:01:00.0 is in line 3 already");
  expect_refusal(in_cpu("<pci busid=\"1:0.0\"><gpu/></pci>\n<pci busid=\"0000:01:00.0\"/>"), "line 4, <pci>",
                 "busid 0000:01:00.0 is in line 3 already");
  expect_refusal("<system version='1'>\n<cpu numaid='1'/>\n<cpu numaid='1'/></system>", "line 3, <cpu>",
                 "numaid 1 is in line 2 already");
  expect_refusal(in_cpu("<pci busid=\"1:0.0\"><gpu/>\n<gpu/></pci>"), "line 4, <gpu>", "is the second of its <pci>");
  expect_refusal(in_cpu("<pci busid=\"1:0.0\"><gpu/><nic/></pci>"), "line 3, <pci>", "has a <gpu> and a <nic>");
  expect_refusal("<system version='1'>\n<cpu host_hash='a'/>\n<cpu host_hash='b'/></system>", "line 3, <cpu>",
                 "one file is one machine");
}

TEST(NcclXml, LinksThatCannotBe_AreRefused) {
  const auto link = [](const std::string& words) {
    return in_cpu(gpu("1:0.0", "<nvlink " + words + "/>") + "<pci busid=\"9:0.0\" class=\"0x060400\"/>");
  };
  expect_refusal(link(""), "line 4, <nvlink>", "has no target: give the busid");
  expect_refusal(link("target=\"nowhere\""), "line 4, <nvlink>", "target is \"nowhere\": give a PCI address");
  expect_refusal(link("target=\"2:0.0\" tclass=\"0x030200\""), "line 4, <nvlink>",
                 "target 0000:02:00.0 is no <pci> of this file: add it, or take the link out");
  expect_refusal(link("target=\"2:0.0\""), "line 4, <nvlink>", "is no <pci> of this file");
  expect_refusal(link("target=\"fffffff:ffff:ff\" tclass=\"0x030200\""), "line 4, <nvlink>", "give a PCI address");
  expect_refusal(link("target=\"9:0.0\" tclass=\"0x060400\""), "line 4, <nvlink>", "is neither a GPU nor an NVSwitch");
  expect_refusal(link("target=\"c1:0.0\" tclass=\"0x068000\" count=\"0\""), "line 4, <nvlink>", "count is \"0\"");
  expect_refusal(link("target=\"c1:0.0\" tclass=\"0x068000\" bw=\"x\""), "line 4, <nvlink>", "bw is \"x\"");
  expect_refusal(in_cpu(gpu("1:0.0", "<c2c count=\"-1\"/>")), "line 4, <c2c>", "count is \"-1\"");
}

TEST(NcclXml, DocumentTypesAndEntities_AreRefused) {
  expect_refusal("<!DOCTYPE system>\n<system version='1'/>", "line 1", "a document type is not read");
  std::string bomb = "<!DOCTYPE system [<!ENTITY a0 'aaaaaaaaaa'>";
  for (int i = 1; i < 30; ++i) {
    const std::string inner = "&a" + std::to_string(i - 1) + ";";
    bomb += "<!ENTITY a" + std::to_string(i) + " '" + inner + inner + inner + inner + "'>";
  }
  expect_refusal(bomb + "]><system version='1'>&a29;</system>", "line 1", "a document type is not read");
  expect_refusal("<system version='&x;'/>", "line 1", "undefined entity");
}

TEST(NcclXml, Limits_AreKept) {
  std::string deep = "<system version='1'><cpu>";
  for (int i = 0; i < 61; ++i) deep += "<pci busid='" + std::to_string(i) + ":0.0'>";
  std::string close;
  for (int i = 0; i < 61; ++i) close += "</pci>";
  EXPECT_EQ(read(deep + "<x/>" + close + "</cpu></system>").nodes().size(), 62U);
  expect_refusal(deep + "<x><x/></x>" + close + "</cpu></system>", "line 1", "<x> is nested deeper than 64 elements");
  std::string many = "<system version='1'>";
  for (int i = 0; i < 99'999; ++i) many += "<x/>";
  EXPECT_NO_THROW(read(many + "</system>"));
  expect_refusal(many + "\n<x/></system>", "line 2", "<x> is one element too many: at most 100000 are read");
  std::string wide = "<system version='1'";
  for (int i = 0; i < 63; ++i) wide += " a" + std::to_string(i) + "=''";
  EXPECT_NO_THROW(read(wide + "/>"));
  expect_refusal(wide + " b=''/>", "line 1", "<system> has more than 64 attributes");
  std::string large = "<system version='1'/>";
  large.resize(std::size_t{16} << 20, ' ');
  EXPECT_NO_THROW(read(large));
  EXPECT_THROW(read(large + " "), Error);
}

}  // namespace
}  // namespace stretto::topology
