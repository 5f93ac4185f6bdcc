// `stretto topo` from outside.
#include <gtest/gtest.h>
#include <unistd.h>

#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

Outcome topo(const std::string& arguments) { return shell(STRETTO_PROGRAM " topo " + arguments); }

std::string machine(const std::string& name) { return std::string(STRETTO_MACHINES "/") + name; }

/// Of this process alone.
std::string own_file(const std::string& name) { return ::testing::TempDir() + std::to_string(::getpid()) + "_" + name; }

std::string file_text(const std::string& path) { return shell("cat " + path).text; }

void expect_refusal(const std::string& arguments, const std::string& reason) {
  const Outcome outcome = topo(arguments);
  EXPECT_EQ(outcome.status, 2) << arguments;
  EXPECT_NE(outcome.text.find(reason), std::string::npos) << outcome.text;
}

/// The first fenced block of a page after these words.
std::string block_after(const std::string& page, const std::string& words) {
  const std::size_t place = page.find("\n```\n", page.find(words)) + 5;
  return page.substr(place, page.find("```\n", place) - place);
}

TEST(CliTopology, File_IsPrintedAsATreeAndAMatrix) {
  const Outcome outcome = topo(machine("xgmi_quad.xml"));
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("xgmi_quad.xml: 2 NUMA nodes, 4 GPUs, 2 networks\n"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("GPU1    XG4      X"), std::string::npos) << outcome.text;
}

TEST(CliTopology, OtherForms_ArePrintedWhereAskedFor) {
  EXPECT_NE(topo(machine("xgmi_quad.xml") + " --json").text.find("\"kind\": \"xgmi\""), std::string::npos);
  EXPECT_EQ(topo(machine("xgmi_quad.xml") + " --xml").text.find("<system version=\"2\">\n"), 0U);
  EXPECT_EQ(topo("--svg " + machine("xgmi_quad.xml")).text.find("<svg xmlns="), 0U);
}

TEST(CliTopology, Xml_ReadAndWrittenAgain_IsTheSame) {
  const std::string path = own_file("stretto_topology.xml");
  const std::string first = topo(machine("superchips.xml") + " --xml").text;
  ASSERT_EQ(topo(machine("superchips.xml") + " --xml >" + path).status, 0);
  EXPECT_EQ(topo(path + " --xml").text, first);
  EXPECT_EQ(shell("rm " + path).status, 0);
}

TEST(CliTopology, WhatIsLeftOut_IsSaidOnStandardError) {
  const std::string path = own_file("stretto_odd_topology.xml");
  ASSERT_EQ(shell("echo '<system version=\"1\" mood=\"good\"/>' >" + path).status, 0);
  EXPECT_NE(
      topo(path + " 2>&1 >/dev/null")
          .text.find("stretto: warning: topology file " + path + ", line 1, <system>: the attribute mood is not known"),
      std::string::npos);
  EXPECT_EQ(topo(path + " 2>/dev/null").text,
            path.substr(path.rfind('/') + 1) + ": 0 NUMA nodes, 0 GPUs, 0 networks\n");
  EXPECT_EQ(shell("rm " + path).status, 0);
}

TEST(CliTopology, WithoutFile_ThisMachineIsShown) {
  const Outcome outcome = topo("2>/dev/null");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("NUMA node"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("processor"), std::string::npos) << outcome.text;
  // It is read again as it was written.
  const std::string path = own_file("stretto_this_machine.xml");
  ASSERT_EQ(topo("--xml 2>/dev/null >" + path).status, 0);
  EXPECT_EQ(topo(path + " --xml").text, file_text(path));
  EXPECT_EQ(shell("rm " + path).status, 0);
}

TEST(CliTopology, HwlocsFile_IsShownAsNccls) {
  const Outcome outcome = topo(STRETTO_HWLOC "/two_sockets_v3.xml 2>/dev/null");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("two_sockets_v3.xml: 2 NUMA nodes, 2 GPUs, 1 NVSwitch, 2 networks\nhost node7\n"),
            std::string::npos)
      << outcome.text;
}

TEST(CliTopology, VariablesOfFiles_AreReadAndWritten) {
  const std::string path = own_file("stretto_topology_dump.xml");
  const std::string variables = "STRETTO_TOPO_FILE=" + machine("superchips.xml") + " STRETTO_TOPO_DUMP=" + path + " ";
  const Outcome outcome = shell(variables + STRETTO_PROGRAM " topo --xml 2>/dev/null");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("host_hash=\"0x77\""), std::string::npos) << "the file's host: " << outcome.text;
  EXPECT_NE(outcome.text.find("busid=\"0008:01:00.0\""), std::string::npos) << outcome.text;
  EXPECT_EQ(file_text(path), outcome.text);
  EXPECT_EQ(shell("stat -c %a " + path).text, "644\n");
  // A file that is named stands by itself.
  EXPECT_EQ(shell(variables + STRETTO_PROGRAM " topo --xml " + machine("xgmi_quad.xml")).text,
            topo(machine("xgmi_quad.xml") + " --xml").text);
  EXPECT_EQ(shell("rm " + path).status, 0);
}

TEST(CliTopology, VariablesThatCannotBeServed_AreSaid) {
  const Outcome unreadable = shell("STRETTO_TOPO_FILE=/no/such/file " STRETTO_PROGRAM " topo");
  EXPECT_EQ(unreadable.status, 2);
  EXPECT_NE(unreadable.text.find("topology file /no/such/file: cannot be opened"), std::string::npos);
  const Outcome unwritable = shell("STRETTO_TOPO_DUMP=/no/such/file " STRETTO_PROGRAM " topo");
  EXPECT_EQ(unwritable.status, 0);
  EXPECT_NE(unwritable.text.find("stretto: warning: STRETTO_TOPO_DUMP: topology file /no/such/file: cannot be written"),
            std::string::npos)
      << unwritable.text;
}

TEST(CliTopology, BadArguments_EndWithStatus2) {
  expect_refusal("/no/such/file", "topology file /no/such/file: cannot be opened");
  expect_refusal("/dev/null", "is no regular file");
  expect_refusal(machine("CMakeLists.txt/x"), "cannot be opened");
  expect_refusal(machine("partial.txt"), "line 1: this is no well-formed XML");
  expect_refusal(machine("partial.xml") + " --svg --json", "excludes");
  expect_refusal(machine("partial.xml") + " --xml --json", "excludes");
  expect_refusal(machine("partial.xml") + " --pdf", "--pdf");
  expect_refusal(machine("partial.xml") + " another", "another");
  expect_refusal(machine("partial.xml") + " --cluster '2 x gpu'", "excludes");
  expect_refusal("--cluster '2 x gpus'", "cluster, column 5: here is \"gpus\"");
  expect_refusal("--cluster ''", "cluster, column 1: here is the line ends");
  expect_refusal("--cluster '2 x gpu, host 2 without GPU 0'", "cluster, column 10: there are hosts 0 to 1");
  expect_refusal("--cluster '2 x /no/such/file'", "topology file /no/such/file: cannot be opened");
  expect_refusal("--cluster '2 x gpu' --xml", "--xml is a file of one host, and these are 2: ");
  expect_refusal("--cluster '2 x gpu' --svg --json", "excludes");
}

TEST(CliTopology, Cluster_IsPrintedInTheFormAskedFor) {
  const std::string line = "--cluster '3 hosts x dgx-a100, rail-optimised, 2:1 spine, host 1 without GPU 3'";
  const Outcome text = topo(line);
  EXPECT_EQ(text.status, 0);
  EXPECT_NE(text.text.find("\n23 ranks on 3 hosts, 8 leaves, spine 2:1\n"), std::string::npos) << text.text;
  EXPECT_NE(text.text.find("\n1      dgx-a100  8-14   GPU 3 is missing\n"), std::string::npos) << text.text;
  EXPECT_NE(topo(line + " --json").text.find("\n \"ranks\": 23,\n"), std::string::npos);
  EXPECT_EQ(topo("--svg " + line).text.find("<svg xmlns="), 0U);
  const Outcome of_files = topo("--cluster '2 x " + machine("xgmi_quad.xml") + "'");
  EXPECT_NE(of_files.text.find("8 ranks on 2 hosts, one switch\n"), std::string::npos) << of_files.text;
}

TEST(CliTopology, ClusterOfOneHost_IsAMachine) {
  EXPECT_EQ(topo("--cluster '1 x " + machine("superchips.xml") + "' --xml").text,
            topo(machine("superchips.xml") + " --xml").text);
  EXPECT_EQ(topo("--cluster '1 x " + machine("superchips.xml") + "' --json").text,
            topo(machine("superchips.xml") + " --json").text);
  EXPECT_EQ(
      topo("--cluster '1 x dgx-h100'").text.find("1 host x dgx-h100: 2 NUMA nodes, 8 GPUs, 4 NVSwitches, 8 networks\n"),
      0U);
  EXPECT_EQ(topo("--cluster '1 x dgx-h100, host 0 without GPU 0' --xml").text.find("<gpu dev=\"0\""),
            std::string::npos);
  // It is read again as it was written.
  const std::string path = own_file("stretto_kind.xml");
  const std::string xml = topo("--cluster '1 x dgx-1' --xml").text;
  ASSERT_EQ(topo("--cluster '1 x dgx-1' --xml >" + path).status, 0);
  EXPECT_EQ(topo(path + " --xml").text, xml);
  EXPECT_EQ(shell("rm " + path).status, 0);
}

TEST(CliTopology, PageOfTheDocumentation_ShowsWhatIsPrinted) {
  const std::string page = file_text(STRETTO_DOCS "/topology.md");
  EXPECT_EQ(block_after(page, "stretto topo superchips.xml"), topo(machine("superchips.xml")).text);
  EXPECT_EQ(file_text(STRETTO_DOCS "/pictures/topology_eight_gpus.svg"),
            topo(machine("eight_gpus_four_switches.xml") + " --svg").text)
      << "draw it anew: stretto topo tests/topology/machines/eight_gpus_four_switches.xml --svg";
  const std::string two_levels = "4 hosts x dgx-a100, rail-optimised, 2:1 spine";
  const std::string degraded = "4 hosts x dgx-a100, rail-optimised, host 1 without GPU 3, host 2 NIC 0 at 50 Gb/s";
  for (const std::string& line : {two_levels, degraded}) {
    const std::string command = "stretto topo --cluster '" + line + "'\n";
    const std::size_t begin = page.find("$ " + command);
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string block = page.substr(begin, page.find("\n```\n", begin) + 1 - begin);
    EXPECT_EQ(block, "$ " + command + topo("--cluster '" + line + "'").text);
  }
  for (const auto& [picture, line] : {std::pair<std::string, std::string>{"topology_dgx_h100", "1 host x dgx-h100"},
                                      {"topology_pcie_box", "1 host x pcie-box"},
                                      {"cluster_two_levels", two_levels},
                                      {"cluster_degraded", degraded}}) {
    const std::string file = "pictures/" + picture + ".svg";
    EXPECT_NE(page.find("](" + file + ")"), std::string::npos) << file;
    EXPECT_EQ(file_text(STRETTO_DOCS "/" + file), topo("--svg --cluster '" + line + "'").text)
        << "draw it anew: stretto topo --svg --cluster '" << line << "' >docs/" << file;
  }
}

}  // namespace
}  // namespace stretto
