// What is read, written and read again is the same machine, and what is written twice is the same text.
#include <gtest/gtest.h>
#include <unistd.h>

#include "topology/files.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/read_file.hpp"
#include "topology/files/xml.hpp"
#include "topology/random_machine.hpp"

#include "base/error.hpp"

namespace stretto::topology {
namespace {

TEST(RoundTrip, EveryFile_ReadsTheSameAfterItWasWritten) {
  const std::vector<std::string> files = machine_files();
  EXPECT_GE(files.size(), 5U);
  for (const std::string& file : files) {
    SCOPED_TRACE(file);
    const Machine machine = read_nccl_xml(read_file(file), file);
    EXPECT_GT(machine.gpus().size(), 0U);
    const std::string text = write_nccl_xml(machine);
    std::vector<std::string> warnings;
    const Machine again = read_nccl_xml(text, "written", &warnings);
    EXPECT_EQ(machine, again);
    EXPECT_EQ(text, write_nccl_xml(again));
    EXPECT_TRUE(warnings.empty()) << warnings.front();
  }
}

TEST(RoundTrip, RandomMachines_ReadTheSameAfterTheyWereWritten) {
  int n_links = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const Machine machine = random_machine(seed);
    n_links += static_cast<int>(machine.links().size());
    const std::string text = write_nccl_xml(machine);
    std::vector<std::string> warnings;
    const Machine again = read_nccl_xml(text, "written", &warnings);
    ASSERT_EQ(machine, again) << "seed " << seed << "\n" << text;
    ASSERT_EQ(text, write_nccl_xml(again)) << "seed " << seed;
    ASSERT_TRUE(warnings.empty()) << "seed " << seed << ": " << warnings.front();
  }
  EXPECT_GT(n_links, 1000) << "the machines have too little in them";
}

TEST(RoundTrip, FilesOfAmd_HaveTheirVersion) {
  const auto version = [](const std::string& name) {
    return write_nccl_xml(read_nccl_xml(read_file(machine_file(name)), name)).substr(0, 20);
  };
  EXPECT_EQ(version("xgmi_quad"), "<system version=\"2\">");
  EXPECT_EQ(version("pcie_only"), "<system version=\"1\">");
}

TEST(RoundTrip, WhatAProbeMayLeaveOut_IsWrittenAsUsual) {
  GpuNode gpu;
  gpu.pci.bus_id = "0000:01:00.0";
  PciFunction other;
  other.bus_id = "0000:c1:00.0";
  const Machine machine("", {{kNoNode, NumaNode{}}, {0, gpu}, {kNoNode, SwitchNode{other}}}, {{1, 2}, {2, 1}});
  const std::string text = write_nccl_xml(machine);
  EXPECT_NE(text.find("<pci busid=\"0000:01:00.0\" link_speed=\"\" link_width=\"0\">"), std::string::npos) << text;
  const Machine again = read_nccl_xml(text, "written");
  EXPECT_TRUE(std::holds_alternative<GpuNode>(again.node(1).facts));
  EXPECT_TRUE(std::holds_alternative<SwitchNode>(again.node(2).facts));
  EXPECT_EQ(again.links().at(0).target_class, "0x068000");
}

TEST(XmlText, WhatXmlCannotHold_IsReplaced) {
  EXPECT_EQ(xml_escaped("a<b>&\"c\"\n\t\r"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;&#9;&#13;");
  EXPECT_EQ(xml_escaped("\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xB5"), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8E\xB5");
  // A control character, a lone continuation, a cut one, an overlong one, a surrogate, beyond the last, no character.
  for (const std::string text :
       {"\x01", "\x80", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xEF\xBF\xBF", "\xFF"}) {
    const std::string escaped = xml_escaped("<" + text + "x");
    EXPECT_EQ(escaped.substr(0, 7), "&lt;\xEF\xBF\xBD") << escaped;
    const XmlElement element = parse_xml("<a b=\"" + escaped + "\"/>", "text");
    EXPECT_EQ(element.attribute("b")->back(), 'x');
    EXPECT_EQ(element.attribute("c"), nullptr);
  }
}

TEST(ReadFile, WhatCannotBeRead_IsRefusedAndNotWaitedFor) {
  const auto refusal = [](const std::string& path) -> std::string {
    try {
      return read_file(path);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().code, strettoInvalidArgument);
      return error.info().text;
    }
  };
  EXPECT_EQ(refusal("/no/such/file.xml"),
            "topology file /no/such/file.xml: cannot be opened (No such file or directory): check the name and who may "
            "read it");
  EXPECT_EQ(refusal("/dev/zero"), "topology file /dev/zero: is no regular file: write what it gives into one");
  EXPECT_EQ(refusal("/"), "topology file /: is no regular file: write what it gives into one");
  const std::string large = ::testing::TempDir() + std::to_string(::getpid()) + "_stretto_large_topology.xml";
  std::ofstream(large).close();
  std::filesystem::resize_file(large, (std::size_t{16} << 20) + 1);
  EXPECT_NE(refusal(large).find("has more than 16777216 bytes"), std::string::npos);
  std::filesystem::resize_file(large, std::size_t{16} << 20);
  EXPECT_EQ(refusal(large).size(), std::size_t{16} << 20);
  std::filesystem::remove(large);
}

}  // namespace
}  // namespace stretto::topology
