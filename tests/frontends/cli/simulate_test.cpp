// `stretto simulate` from outside.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "frontends/cli/shell.hpp"

namespace stretto {
namespace {

Outcome simulate(const std::string& arguments) { return shell(STRETTO_PROGRAM " simulate " + arguments); }

Outcome on_cluster(const std::string& line, const std::string& arguments) {
  return simulate(arguments + " --cluster '" + line + "'");
}

void expect_refusal(const std::string& arguments, const std::string& reason) {
  const Outcome outcome = simulate(arguments);
  EXPECT_EQ(outcome.status, 2) << arguments << "\n" << outcome.text;
  EXPECT_NE(outcome.text.find(reason), std::string::npos) << outcome.text;
}

nlohmann::json json_of(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.text;
  return nlohmann::json::parse(outcome.text);
}

TEST(CliSimulate, Cluster_IsPrintedAsATableTheFastestFirst) {
  const Outcome outcome = on_cluster("2 hosts x gpu", "all_reduce 1M");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.text.find("2 hosts x gpu\nall_reduce of 1048576 bytes, 2 ranks on 2 hosts\n"
                              "no plan takes less than 83.9 us: busbw 12.50 GB/s at most\n\n"),
            0U)
      << outcome.text;
  EXPECT_NE(outcome.text.find("host 0 NIC0 -> leaf 0\n"), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find(" is the fastest, "), std::string::npos) << outcome.text;
  EXPECT_NE(outcome.text.find("\nhierarchical       no figures: it needs two hosts"), std::string::npos);
}

TEST(CliSimulate, Json_HasWhatTheTableHas) {
  const auto json = json_of(on_cluster("4 x gpu, 2 hosts a leaf, 2:1 spine", "all_gather 1M --json"));
  EXPECT_EQ(json.at("where"), "4 x gpu, 2 hosts a leaf, 2:1 spine");
  EXPECT_EQ(json.at("collective"), "all_gather");
  EXPECT_EQ(json.at("ranks"), 4);
  EXPECT_EQ(json.at("hosts"), 4);
  EXPECT_EQ(json.at("block_bytes"), 1 << 20);
  double last = 0;
  for (const auto& row : json.at("algorithms")) {
    if (row.contains("left_out")) continue;
    EXPECT_GE(row.at("seconds"), last);
    last = row.at("seconds");
    EXPECT_GT(row.at("messages"), 0);
    EXPECT_NEAR(row.at("part_of_bound").get<double>(), json.at("least_seconds").get<double>() / last, 1e-9);
    EXPECT_NEAR(row.at("bus_gigabytes_per_s").get<double>(), 3.0 * (1 << 20) / last / 1e9, 1e-6);
    EXPECT_NE(row.at("busiest_link").get<std::string>().find(" -> "), std::string::npos);
  }
  EXPECT_GT(last, 0);
}

TEST(CliSimulate, Topology_IsOneHost) {
  const std::string file = STRETTO_MACHINES "/xgmi_quad.xml";
  const auto json = json_of(simulate("all_reduce 1M --algorithm ring --json --topology " + file));
  EXPECT_EQ(json.at("ranks"), 4);
  EXPECT_EQ(json.at("hosts"), 1);
  ASSERT_EQ(json.at("algorithms").size(), 1U);
  EXPECT_EQ(json.at("algorithms").at(0).at("algorithm"), "ring");
  // The same file, several times.
  EXPECT_EQ(json_of(on_cluster("3 x " + file, "all_reduce 1M --algorithm ring --json")).at("ranks"), 12);
}

TEST(CliSimulate, Options_ChangeWhatTheySay) {
  const auto seconds = [](const std::string& arguments) {
    const auto json = json_of(on_cluster("3 x gpu", "broadcast 1M --algorithm one_shot --json " + arguments));
    return json.at("algorithms").at(0).at("seconds").get<double>();
  };
  EXPECT_NEAR(seconds("--latency-us 1000") - seconds("--latency-us 0"), 2e-3, 1e-9);
  EXPECT_NEAR(seconds("--ranks 2 --latency-us 0") * 2, seconds("--latency-us 0"), 1e-9);
  EXPECT_NEAR(seconds("--root 1"), seconds(""), 1e-12);
  EXPECT_GT(seconds("--slot-bytes 64K"), 0);
  EXPECT_EQ(json_of(on_cluster("3 x gpu", "all_reduce 1M --channels 4 --algorithm tree --json"))
                .at("algorithms")
                .at(0)
                .at("channels"),
            4);
}

TEST(CliSimulate, Slots_AreTheBestUnlessTheyAreSaid) {
  const auto row = [](const std::string& arguments) {
    return json_of(on_cluster("4 x gpu", "broadcast 8M --algorithm ring --json " + arguments)).at("algorithms").at(0);
  };
  const auto best = row("");
  for (const char* slots : {"4M", "1M", "256K", "64K", "16K"}) {
    const auto each = row(std::string("--slot-bytes ") + slots);
    EXPECT_LE(best.at("seconds"), each.at("seconds")) << slots;
    if (each.at("slot_bytes") != best.at("slot_bytes")) continue;
    EXPECT_EQ(best.at("seconds"), each.at("seconds"));
  }
  EXPECT_LT(best.at("slot_bytes"), 4 << 20);
}

TEST(CliSimulate, RanksThatAreLateOrStop_AreSaid) {
  const auto seconds = [](const std::string& arguments) {
    return json_of(on_cluster("2 x gpu", "all_reduce 1M --algorithm ring --json " + arguments))
        .at("algorithms")
        .at(0)
        .at("seconds")
        .get<double>();
  };
  EXPECT_NEAR(seconds("--late 1:5000"), seconds("") + 5e-3, 2e-4);
  const Outcome outcome = on_cluster("2 x gpu", "all_reduce 64M --algorithm ring --stop 0:10");
  EXPECT_NE(outcome.text.find("1 rank(s) wait for ever for those that stopped; nothing moves after "),
            std::string::npos)
      << outcome.text;
  for (const char* word : {"1", "1:", ":5", "2:5", "-1:5", "1:-5", "1:5x", "1:nan", "1:inf", "x:5", "1 :5"}) {
    expect_refusal("all_reduce 1M --cluster '2 x gpu' --late '" + std::string(word) + "'", "give a rank from 0 to 1");
  }
}

/// GPUs that see the same of their links, of which some pairs have two and others one: they are not alike, and it is
/// noticed.
TEST(CliSimulate, LinksThatDiffer_AreNotTakenForAlike) {
  const std::string file = ::testing::TempDir() + "stretto_mesh_" + std::to_string(::getpid()) + ".xml";
  std::ofstream out(file);
  out << "<system version='1'><cpu numaid='0' affinity='ff' arch='x86_64'>";
  const int links[4][4] = {{0, 1, 1, 2}, {1, 0, 2, 1}, {1, 2, 0, 1}, {2, 1, 1, 0}};
  const auto bus = [](int switch_number, int function) {
    return "0000:" + std::to_string(switch_number + 1) + std::to_string(function) + ":00.0";
  };
  for (int gpu = 0; gpu < 4; ++gpu) {
    out << "<pci busid='" << bus(gpu, 0) << "' class='0x060400' link_speed='16.0 GT/s PCIe' link_width='16'>"
        << "<pci busid='" << bus(gpu, 1) << "' class='0x030200' link_speed='16.0 GT/s PCIe' link_width='16'>"
        << "<gpu dev='" << gpu << "' sm='70' rank='" << gpu << "' gdr='1'>";
    for (int other = 0; other < 4; ++other) {
      if (other == gpu) continue;
      out << "<nvlink target='" << bus(other, 1) << "' count='" << links[gpu][other] << "' tclass='0x030200'/>";
    }
    out << "</gpu></pci><pci busid='" << bus(gpu, 2)
        << "' class='0x020700' link_speed='16.0 GT/s PCIe' link_width='16'>"
        << "<nic><net name='mlx" << gpu << "' dev='" << gpu << "' speed='100000' port='1' gdr='1'/></nic></pci></pci>";
  }
  out << "</cpu></system>";
  out.close();
  const auto json =
      json_of(on_cluster("40 x " + file + ", rail-optimised", "all_reduce 1M --algorithm rail_trees --json"));
  std::remove(file.c_str());
  EXPECT_EQ(json.at("ranks"), 160);
  EXPECT_GT(json.at("algorithms").at(0).at("seconds"), 0);
}

TEST(CliSimulate, ExplainsOptionsThatItCannotKeep_AreRefused) {
  const Outcome outcome = shell(STRETTO_PROGRAM " explain all_reduce 1M --cluster '2 x gpu' --max-channels 2");
  EXPECT_EQ(outcome.status, 2);
  EXPECT_NE(outcome.text.find("leave them out"), std::string::npos) << outcome.text;
}

TEST(CliSimulate, AllRanksThatStop_HaveNoFigures) {
  const Outcome outcome = on_cluster("2 x gpu", "all_reduce 64M --algorithm ring --stop 0:10 --stop 1:10");
  EXPECT_NE(outcome.text.find("no figures: all ranks that had not ended have stopped"), std::string::npos)
      << outcome.text;
}

TEST(CliSimulate, Explain_OfAMachineIsTheSame) {
  const std::string arguments = "all_reduce 1M --topology " STRETTO_MACHINES "/xgmi_quad.xml";
  const Outcome explained = shell(STRETTO_PROGRAM " explain " + arguments);
  EXPECT_EQ(explained.status, 0) << explained.text;
  EXPECT_EQ(explained.text, simulate(arguments).text);
  const Outcome fewer = shell(STRETTO_PROGRAM " explain " + arguments + " --ranks 2 --algorithm ring --json");
  EXPECT_EQ(json_of(fewer).at("ranks"), 2);
  EXPECT_EQ(shell(STRETTO_PROGRAM " explain all_reduce 1M").status, 2);
  EXPECT_EQ(shell(STRETTO_PROGRAM " explain all_reduce 1M --ranks 5000").status, 2);
  EXPECT_EQ(shell(STRETTO_PROGRAM " explain all_reduce 1M --cluster '2 x gpu' --ranks 3").status, 2);
}

TEST(CliSimulate, TimeThatIsUp_IsSaid) {
  const Outcome outcome = on_cluster("8 x pcie-box", "all_reduce 1G --algorithm one_shot --limit-s 0");
  EXPECT_EQ(outcome.status, 0);
  EXPECT_NE(outcome.text.find("one_shot           no figures: it was ended before it was done\n"), std::string::npos)
      << outcome.text;
}

TEST(CliSimulate, BadArguments_EndWithStatus2) {
  expect_refusal("all_reduce 1M", "--topology FILE, or --cluster LINE");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' -b 8", "-b");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' --topology x.xml", "--topology");
  expect_refusal("all_redoce 1M --cluster '2 x gpu'", "all_reduce,all_gather");
  expect_refusal("all_reduce many --cluster '2 x gpu'", "BYTES");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' --algorithm rign", "one_shot");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' --algorithm bruck", "cannot do all_reduce; these can: ring");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' --ranks 3", "there are 2 ranks, and not 3");
  expect_refusal("all_reduce 1M --cluster '2 x gpu' --root 1", "leave --root out");
  expect_refusal("broadcast 1M --cluster '2 x gpu' --root 2", "0..1");
  expect_refusal("all_reduce 1M --cluster '2 x gpus'", "cluster, column 5: here is \"gpus\"");
  expect_refusal("all_reduce 1M --cluster ''", "cluster, column 1: here is the line ends");
  expect_refusal("all_reduce 1M --cluster '2 x /no/such.xml'", "topology file /no/such.xml: cannot be opened");
  expect_refusal("all_reduce 1M --topology /no/such", "cannot be opened");
  expect_refusal("all_reduce 1M --topology ''", "cannot be opened");
}

/// Each block of the page that begins with the command.
TEST(CliSimulate, PageOfTheDocumentation_ShowsWhatIsPrinted) {
  const std::string page = shell("cat " STRETTO_DOCS "/topology.md").text;
  const std::string begin = "\n```\n$ stretto ";
  int shown = 0;
  for (std::size_t at = page.find(begin); at != page.npos; at = page.find(begin, at + 1)) {
    const std::size_t command = at + begin.size();
    const std::size_t output = page.find('\n', command) + 1;
    const std::string words = page.substr(command, output - 1 - command);
    EXPECT_EQ(shell(STRETTO_PROGRAM " " + words).text, page.substr(output, page.find("```\n", output) - output))
        << words;
    ++shown;
  }
  EXPECT_GE(shown, 2);
}

}  // namespace
}  // namespace stretto
