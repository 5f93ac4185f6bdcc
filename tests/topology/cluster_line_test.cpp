// Lines that describe clusters: what they say, and what is wrong with them.
#include "topology/files/cluster_line.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "base/error.hpp"
#include "topology/graph/host_kinds.hpp"

namespace stretto::topology {
namespace {

using Fault = ClusterSpec::Fault;

constexpr std::uint64_t kSeed = 20261127;

ErrorInfo refusal(const std::string& line) {
  try {
    parse_cluster_line(line);
  } catch (const Error& error) {
    return error.info();
  }
  ADD_FAILURE() << "not refused: " << line;
  return {};
}

TEST(ClusterLine, Network_IsWhatItSays) {
  const ClusterSpec spec = parse_cluster_line("128 hosts x dgx-h100, rail-optimised, 2:1 spine");
  EXPECT_EQ(spec.hosts, (std::vector<ClusterSpec::Hosts>{{128, "dgx-h100"}}));
  EXPECT_EQ(spec.fabric, (Fabric{true, 0, 2, 1}));
  EXPECT_TRUE(spec.changes.empty());
  EXPECT_FALSE(spec.nic_megabits_per_s);
  const ClusterSpec other = parse_cluster_line("64 x cpu,16 hosts a leaf ,7:4 spine,25 Gb/s NICs");
  EXPECT_EQ(other.fabric, (Fabric{false, 16, 7, 4}));
  EXPECT_EQ(other.nic_megabits_per_s, 25'000);
  EXPECT_EQ(parse_cluster_line("2 x cpu, one switch"), parse_cluster_line("2 x cpu"));
}

TEST(ClusterLine, Capitals_AreAsGood) {
  EXPECT_EQ(parse_cluster_line("2 Hosts X DGX-H100, Rail-Optimized, 100 gb/s nics, HOST 1 WITHOUT gpu 3"),
            parse_cluster_line("2 hosts x dgx-h100, rail-optimised, 100 Gb/s NICs, host 1 without GPU 3"));
}

TEST(ClusterLine, HostsOfSeveralKinds_AreInOrder) {
  const ClusterSpec spec = parse_cluster_line("1 host x dgx-1 + 3 x Some/Host.XML + 2 x My.xml");
  EXPECT_EQ(spec.hosts, (std::vector<ClusterSpec::Hosts>{{1, "dgx-1"}, {3, "Some/Host.XML"}, {2, "My.xml"}}));
}

TEST(ClusterLine, Faults_AreOfTheirHosts) {
  const ClusterSpec spec = parse_cluster_line(
      "9 x dgx-1, host 3 without GPU 5, host 4 without NIC 2, host 5 without link 0-3, host 6 NIC 1 at 10 Gb/s");
  const std::vector<ClusterSpec::Change> expected = {{3, Fault::no_gpu, 5, 0, 0},
                                                     {4, Fault::no_nic, 2, 0, 0},
                                                     {5, Fault::no_link, 0, 3, 0},
                                                     {6, Fault::slow_nic, 1, 0, 10'000}};
  EXPECT_EQ(spec.changes, expected);
  EXPECT_EQ(spec.changes[1].column, 34U);
}

struct Wrong {
  const char* line;
  const char* column;
  const char* text;
};

TEST(ClusterLine, WrongLines_NameTheColumnAndWhatShouldStandThere) {
  constexpr std::array kWrong = {
      Wrong{"", "column 1", "here is the line ends, and should be how many hosts there are: a whole number from 1"},
      Wrong{"many x cpu", "column 1", "here is \"many\""},
      Wrong{"0 x cpu", "column 1", "from 1 to 65536"},
      Wrong{"-2 x cpu", "column 1", "here is \"-2\""},
      Wrong{"65537 x cpu", "column 1", "from 1 to 65536"},
      Wrong{"99999999999999999999 x cpu", "column 1", "from 1 to 65536"},
      Wrong{"4 hosts", "column 8", "here is the line ends, and should be \"x\""},
      Wrong{"4 hosts dgx-1", "column 9", "here is \"dgx-1\", and should be \"x\""},
      Wrong{"4 x dgx-2", "column 5", "a kind of hosts: dgx-h100, "},
      Wrong{"4 x", "column 4", "or a topology file"},
      Wrong{"4 x cpu rail-optimised", "column 9", "a comma, \"+\" with more hosts, or the end"},
      Wrong{"4 x cpu,", "column 9", "\"rail-optimised\", \"32 hosts a leaf\""},
      Wrong{"4 x cpu, , 2:1 spine", "column 10", "here is \",\""},
      Wrong{"4 x cpu, rails", "column 10", "here is \"rails\""},
      Wrong{"4 x cpu, 2 hosts per leaf", "column 18", "should be \"a\""},
      Wrong{"4 x cpu, 0 hosts a leaf", "column 10", "how many hosts share a leaf"},
      Wrong{"4 x cpu, 2 leaves", "column 12", "\"hosts a leaf\" or \"Gb/s NICs\""},
      Wrong{"4 x cpu, 2:1", "column 13", "should be \"spine\""},
      Wrong{"4 x cpu, 2:0 spine", "column 10", "a ratio as 2:1"},
      Wrong{"4 x cpu, 1001:1 spine", "column 10", "from 1 to 1000"},
      Wrong{"4 x cpu, :1 spine", "column 10", "a ratio as 2:1"},
      Wrong{"4 x cpu, 1:2:3 spine", "column 10", "a ratio as 2:1"},
      Wrong{"4 x cpu, 2:1 spine, 2:1 spine", "column 21", "the spine is said before"},
      Wrong{"4 x cpu, one switch, 2 hosts a leaf", "column 22", "\"one switch\" has neither rails"},
      Wrong{"4 x cpu, rail-optimised, one switch", "column 26", "\"one switch\" has neither rails"},
      Wrong{"4 x cpu, 0 Gb/s NICs", "column 10", "Gb/s: a whole number from 1"},
      Wrong{"4 x cpu, 100 Gb/s", "column 18", "should be \"nics\""},
      Wrong{"4 x cpu, host x without GPU 1", "column 15", "the number of a host"},
      Wrong{"4 x cpu, host 1 has no GPU", "column 17", "\"without\" or \"NIC\""},
      Wrong{"4 x cpu, host 1 without cable", "column 25", "\"GPU\", \"NIC\" or \"link\""},
      Wrong{"4 x cpu, host 1 without link 3", "column 30", "two GPUs as 0-3"},
      Wrong{"4 x cpu, host 1 without link 3-", "column 30", "two GPUs as 0-3"},
      Wrong{"4 x cpu, host 1 NIC 0 at fast Gb/s", "column 26", "here is \"fast\""},
      Wrong{"4 x c\x1b[31m", "column 5", "here is \"c?[31m\""},
  };
  for (const Wrong& wrong : kWrong) {
    const ErrorInfo info = refusal(wrong.line);
    EXPECT_EQ(info.code, strettoInvalidArgument) << wrong.line;
    EXPECT_EQ(info.field, wrong.column) << wrong.line << "\n" << info.text;
    EXPECT_EQ(info.text.find("cluster, " + std::string(wrong.column) + ": "), 0U) << info.text;
    EXPECT_NE(info.text.find(wrong.text), std::string::npos) << wrong.line << "\n" << info.text;
  }
}

template <class T>
T any_of(std::mt19937_64& random, const std::vector<T>& choices) {
  return choices[random() % choices.size()];
}

ClusterSpec random_spec(std::mt19937_64& random) {
  const auto number = [&](std::uint64_t below) { return static_cast<std::int32_t>(random() % below); };
  ClusterSpec spec;
  for (int i = number(3); i >= 0; --i) {
    std::string kind(host_kinds()[random() % host_kinds().size()].name);
    if (number(4) == 0) kind = any_of<std::string>(random, {"a/B", "Host.xml", "../x.xml+y", "-/:"});
    spec.hosts.push_back({1 + number(100), kind});
  }
  spec.fabric = {number(2) == 0, number(2) * (1 + number(64)), 1 + number(4), 1 + number(3)};
  if (number(2) == 0) spec.nic_megabits_per_s = 1000 * (1 + number(800));
  for (int i = number(4); i > 0; --i) {
    ClusterSpec::Change change{number(100), static_cast<Fault>(number(4)), number(9)};
    if (change.fault == Fault::no_link) change.second = number(9);
    if (change.fault == Fault::slow_nic) change.megabits_per_s = 1000 * (1 + number(400));
    spec.changes.push_back(change);
  }
  return spec;
}

TEST(ClusterLine, RandomClusters_ReadAsWritten) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  for (int turn = 0; turn < 2000; ++turn) {
    const ClusterSpec spec = random_spec(random);
    const std::string line = to_string(spec);
    ASSERT_EQ(parse_cluster_line(line), spec) << line;
  }
}

/// Words of the language in any order: refused within the line, or read, and then read again as written.
TEST(ClusterLine, WordsInAnyOrder_AreReadOrRefused) {
  SCOPED_TRACE("seed " + std::to_string(kSeed));
  std::mt19937_64 random(kSeed);
  const std::vector<std::string> words = {"2",       "hosts", "x",   "cpu",    ",",    "+",    "host", "1",
                                          "without", "GPU",   "NIC", "at",     "Gb/s", "NICs", "a",    "leaf",
                                          "2:1",     "spine", "one", "switch", "link", "0-1"};
  int read = 0;
  for (int turn = 0; turn < 20'000; ++turn) {
    std::string line = turn % 2 == 0 ? "" : "2 x cpu,";
    for (int i = 0; i < 1 + turn % 5; ++i) line += " " + any_of(random, words);
    try {
      const ClusterSpec spec = parse_cluster_line(line);
      ASSERT_EQ(parse_cluster_line(to_string(spec)), spec) << line;
      ++read;
    } catch (const Error& error) {
      ASSERT_EQ(error.info().field.find("column "), 0U) << line;
      ASSERT_LE(std::stoul(error.info().field.substr(7)), line.size() + 1) << line;
    }
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace stretto::topology
