// What people and programs see of clusters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/error.hpp"
#include "clusters.hpp"
#include "topology/files.hpp"
#include "topology/files/cluster_layout.hpp"
#include "topology/files/cluster_svg.hpp"
#include "topology/files/cluster_text.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/xml.hpp"
#include "topology/random_machine.hpp"

namespace stretto::topology {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Shown {
  ClusterSpec spec;
  Cluster cluster;
  ClusterFacts facts;
};

Shown shown(const std::string& line) {
  ClusterSpec spec = parse_cluster_line(line);
  Cluster cluster = make_cluster(spec, machine_of_kind);
  ClusterFacts facts = facts_of(spec, cluster);
  return {std::move(spec), std::move(cluster), std::move(facts)};
}

std::string text_shown(const std::string& line) {
  const Shown it = shown(line);
  return cluster_to_text(it.facts, it.cluster);
}

nlohmann::json json_of(const std::string& line) {
  const Shown it = shown(line);
  return nlohmann::json::parse(cluster_to_json(it.facts, it.cluster));
}

std::string svg_of(const std::string& line) {
  const Shown it = shown(line);
  return cluster_to_svg(it.facts, it.cluster);
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(ClusterText, Rails_HaveAsManyPortsAsHosts) {
  const std::string text = text_shown("8 hosts x dgx-h100, rail-optimised, 4 hosts a leaf, 2:1 spine");
  EXPECT_THAT(text, HasSubstr("\n64 ranks on 8 hosts, 16 leaves, spine 2:1\n"));
  EXPECT_THAT(text, HasSubstr("\n0-7    dgx-h100  0-63, 8 each\n"));
  EXPECT_THAT(text, HasSubstr("\n0-1 rails 0-7  0-7, 4 each  4 x 400 Gb/s  800 Gb/s\n"));
  EXPECT_THAT(text, HasSubstr("\nspine 2:1: each leaf has 1/2 of what its NICs carry\n"));
}

TEST(ClusterText, OneSwitch_HasNoSpine) {
  const std::string text = text_shown("2 x pcie-box + 1 x cpu");
  EXPECT_THAT(text, HasSubstr("18 ranks on 3 hosts, one switch\n"));
  EXPECT_THAT(text, HasSubstr("pcie-box: 8 GPUs on PCIe; 4 NICs of 100 Gb/s\n"));
  EXPECT_THAT(text, HasSubstr("cpu: 2 NUMA nodes, each a rank; 2 NICs of 100 Gb/s\n"));
  EXPECT_THAT(text, HasSubstr("\n2      cpu       16-17\n"));
  EXPECT_THAT(text, HasSubstr("10 x 100 Gb/s\n"));
  EXPECT_THAT(text, Not(HasSubstr("spine")));
}

TEST(ClusterText, LastLeaf_MayHaveFewerHosts) {
  const std::string text = text_shown("5 x gpu, 2 hosts a leaf");
  EXPECT_THAT(text, HasSubstr("\n0-1     0-3, 2 each  2 x 100 Gb/s  200 Gb/s\n"));
  EXPECT_THAT(text, HasSubstr("\n2       4            1 x 100 Gb/s  100 Gb/s\n"));
}

TEST(ClusterText, Faults_AreNamedOnceAsTheyCameOut) {
  const std::string text = text_shown(
      "3 hosts x dgx-1, rail-optimised, host 1 without GPU 3, host 1 without link 4-0, host 2 NIC 0 at 50 Gb/s, host 2 "
      "without NIC 0, host 0 NIC 1 at 100 Gb/s");
  EXPECT_THAT(text, HasSubstr("\n0      dgx-1  0-7\n")) << "a NIC at the speed that it was made for";
  EXPECT_THAT(text, HasSubstr("\n1      dgx-1  8-14   GPU 3 is missing, no link 0-4\n"));
  EXPECT_THAT(text, HasSubstr("\n2      dgx-1  15-22  NIC 0 is missing\n"));
  EXPECT_THAT(text, HasSubstr("\n0 rail 0     0-2    2 x 100 Gb/s, 1 free  300 Gb/s\n"));
  EXPECT_THAT(text, HasSubstr("each 6 NVLinks to 4 GPUs; ")) << "a kind is as a whole host of it";
}

/// What the network has that plans are made for.
TEST(ClusterFacts, OfRandomClusters_AreWhatIsLaidOut) {
  std::mt19937_64 random(17);
  for (int i = 0; i < 200; ++i) {
    const std::string line = random_cluster_line(random, {"dgx-1", "pcie-box", "gpu", "cpu"});
    SCOPED_TRACE(line);
    const Shown it = shown(line);
    const ClusterNetwork network(it.cluster, static_cast<std::int32_t>(it.cluster.n_ranks()));
    EXPECT_EQ(it.facts.n_ranks, it.cluster.n_ranks());
    for (std::int32_t host = 0; host < it.cluster.n_hosts(); ++host) {
      const HostRun& run = it.facts.run_of(host);
      EXPECT_EQ(run.first_rank + std::int64_t{host - run.first} * run.ranks_of_each,
                network.hosts()[static_cast<std::size_t>(host)].first_rank);
    }
    std::map<std::string, std::pair<std::int64_t, std::int64_t>> leaves;  // MB/s of NICs, and to the spine
    for (const Edge& edge : network.network().edges()) {
      const std::string& name = network.network().vertex(edge.from).name;
      if (!name.starts_with("leaf")) continue;
      const bool is_up = network.network().vertex(edge.to).name == "spine";
      (is_up ? leaves[name].second : leaves[name].first) += edge.megabytes_per_s;
    }
    EXPECT_EQ(static_cast<std::size_t>(it.facts.n_leaves), leaves.size());
    for (const LeafRun& run : it.facts.groups) {
      for (std::int32_t group = run.first; group < run.first + run.count; ++group) {
        for (const LeafFacts& leaf : run.leaves) {
          std::string name = "leaf " + std::to_string(group);
          if (leaf.rail >= 0) name += " rail " + std::to_string(leaf.rail);
          std::int64_t sum = 0;
          for (const PortCount& port : leaf.ports) sum += port.count * port.megabits_per_s / 8;
          EXPECT_EQ(sum, leaves[name].first) << name;
          EXPECT_EQ(it.facts.has_spine ? leaf.spine_megabits_per_s / 8 : 0, leaves[name].second) << name;
        }
      }
    }
  }
}

TEST(ClusterJson, OfACluster_HasWhatTheTextHas) {
  const auto json =
      json_of("4 hosts x dgx-a100, rail-optimised, 2:1 spine, host 1 without GPU 3, host 2 NIC 0 at 50 Gb/s");
  EXPECT_EQ(json.at("hosts"), 4);
  EXPECT_EQ(json.at("ranks"), 31);
  EXPECT_EQ(json.at("leaves"), 8);
  EXPECT_EQ(json.at("spine"), nlohmann::json({{"down", 2}, {"up", 1}}));
  EXPECT_EQ(json.at("kinds").at(0).at("gpus"), 8);
  EXPECT_EQ(json.at("kinds").at(0).at("switches"), 6);
  ASSERT_EQ(json.at("host_runs").size(), 4U);
  EXPECT_EQ(json.at("host_runs").at(1).at("faults"), nlohmann::json::array({{{"kind", "no_gpu"}, {"gpu", 3}}}));
  EXPECT_EQ(json.at("host_runs").at(1).at("ranks_of_each"), 7);
  EXPECT_EQ(json.at("host_runs").at(2).at("first_rank"), 15);
  EXPECT_EQ(json.at("host_runs").at(2).at("faults").at(0).at("made_megabits_per_s"), 200000);
  ASSERT_EQ(json.at("leaf_runs").size(), 1U);
  const auto& leaf = json.at("leaf_runs").at(0).at("leaves").at(0);
  EXPECT_EQ(leaf.at("rail"), 0);
  EXPECT_EQ(leaf.at("ports").at(1), nlohmann::json({{"megabits_per_s", 50000}, {"count", 1}}));
  EXPECT_EQ(leaf.at("to_spine_megabits_per_s"), 400000);
  EXPECT_TRUE(json_of("2 x gpu").at("spine").is_null());
}

TEST(ClusterSvg, FewHosts_AreAllThereWithTheirLeaves) {
  const std::string svg = svg_of("4 hosts x dgx-a100, rail-optimised, 2:1 spine");
  EXPECT_EQ(parse_xml(svg, "picture").name, "svg");
  for (int host = 0; host < 4; ++host) EXPECT_THAT(svg, HasSubstr(">host " + std::to_string(host) + "<"));
  for (int rail = 0; rail < 8; ++rail) EXPECT_THAT(svg, HasSubstr(">leaf 0 rail " + std::to_string(rail) + "<"));
  EXPECT_EQ(count_of(svg, ">GPU "), 32U);
  EXPECT_EQ(count_of(svg, " - leaf 0 rail "), 32U) << "wires";
  EXPECT_EQ(count_of(svg, " - spine: 400 Gb/s"), 8U);
  EXPECT_THAT(svg, HasSubstr(">each leaf has 1/2 of what its NICs carry<"));
  EXPECT_THAT(svg, Not(HasSubstr("more host")));
  EXPECT_THAT(svg, Not(HasSubstr("Red")));
}

TEST(ClusterSvg, Faults_AreRedAndInWords) {
  const std::string svg = svg_of(
      "3 hosts x dgx-1, host 1 without GPU 3, host 1 without link 0-4, host 2 without NIC 1, host 2 NIC 0 at 50 Gb/s");
  for (const char* words : {"GPU 3 is missing", "no link 0-4", "NIC 1 is missing", "NIC 0 at 50 Gb/s, not 100 Gb/s"}) {
    EXPECT_THAT(svg, HasSubstr(std::string("fill=\"#d3202a\" font-weight=\"bold\">") + words + "<")) << words;
  }
  EXPECT_THAT(svg, HasSubstr("fill=\"#d3202a\" >Red: what is wrong.<"));
  EXPECT_EQ(count_of(svg, " - leaf 0: "), 11U) << "no wire of the missing NIC";
  EXPECT_EQ(count_of(svg, " - leaf 0: 50 Gb/s"), 1U);
}

TEST(ClusterSvg, ManyHosts_AreAFewAndTheirCount) {
  for (const char* line :
       {"2048 hosts x dgx-h100, rail-optimised, 2:1 spine", "65536 x dgx-h100, rail-optimised, 1 hosts a leaf",
        "60000 x dgx-1 + 5 x gpu, 7 hosts a leaf", "65536 x gpu, 1 hosts a leaf, 1000:1 spine"}) {
    SCOPED_TRACE(line);
    const Shown it = shown(line);
    const std::string svg = cluster_to_svg(it.facts, it.cluster);
    EXPECT_EQ(parse_xml(svg, "picture").name, "svg");
    EXPECT_LT(svg.size(), 80'000U);
    EXPECT_LT(cluster_to_text(it.facts, it.cluster).size(), 2'000U);
    EXPECT_LT(cluster_to_json(it.facts, it.cluster).size(), 10'000U);
    std::int64_t hosts = 0;
    const ClusterLayout layout = lay_out(it.facts, it.cluster);
    for (const ClusterLayout::Gap& gap : layout.gaps) hosts += gap.hosts;
    EXPECT_EQ(hosts + static_cast<std::int64_t>(layout.hosts.size()), it.cluster.n_hosts());
    EXPECT_LE(layout.width, 2'000);
  }
  EXPECT_THAT(svg_of("2048 hosts x dgx-h100, rail-optimised"), HasSubstr(">2,042<"));
}

TEST(ClusterSvg, FaultsOfManyHosts_AreShownOrCounted) {
  std::string line = "2048 hosts x dgx-h100, rail-optimised, 32 hosts a leaf";
  for (int host = 1000; host < 1007; ++host) line += ", host " + std::to_string(host) + " without GPU 1";
  const Shown it = shown(line);
  const std::string svg = cluster_to_svg(it.facts, it.cluster);
  EXPECT_THAT(svg, HasSubstr(">host 1000<"));
  EXPECT_THAT(svg, HasSubstr(">GPU 1 is missing<"));
  std::int64_t faulty = 0;
  const ClusterLayout layout = lay_out(it.facts, it.cluster);
  for (const ClusterLayout::Gap& gap : layout.gaps) faulty += gap.faulty;
  for (const ClusterLayout::Host& host : layout.hosts) faulty += it.facts.run_of(host.number).faults.empty() ? 0 : 1;
  EXPECT_EQ(faulty, 7);
}

bool overlap(const Box& a, const Box& b) {
  return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
}

TEST(ClusterLayout, OfRandomClusters_PlacesNothingOverAnotherOrOutside) {
  std::mt19937_64 random(23);
  for (int i = 0; i < 300; ++i) {
    const std::string line = random_cluster_line(random, {"dgx-h100", "dgx-1", "pcie-box", "gpu", "cpu"});
    SCOPED_TRACE(line);
    const Shown it = shown(line);
    const ClusterLayout layout = lay_out(it.facts, it.cluster);
    std::vector<Box> boxes;
    for (const auto& host : layout.hosts) boxes.push_back(host.box);
    for (const auto& leaf : layout.leaves) boxes.push_back(leaf.box);
    if (it.facts.has_spine) boxes.push_back(layout.spine);
    EXPECT_EQ(static_cast<std::int64_t>(layout.leaves.size()), it.facts.n_leaves);
    for (std::size_t a = 0; a < boxes.size(); ++a) {
      EXPECT_GE(boxes[a].x, 0);
      EXPECT_LE(boxes[a].right(), layout.width);
      EXPECT_LE(boxes[a].bottom(), layout.height);
      for (std::size_t b = a + 1; b < boxes.size(); ++b) EXPECT_FALSE(overlap(boxes[a], boxes[b])) << a << " " << b;
    }
    EXPECT_EQ(parse_xml(cluster_to_svg(it.facts, it.cluster), "picture").name, "svg");
  }
}

/// Whatever machines a file describes, with names as a file may have them.
TEST(ClusterSvg, OfAnyMachines_IsWellFormedAndEscapesNames) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const ClusterSpec spec =
        parse_cluster_line("3 x a/<b>&\"\x1B\xFF.xml, rail-optimised, 1 hosts a leaf, 100 Gb/s NICs");
    Cluster cluster;
    try {
      cluster = make_cluster(spec, [&](const std::string&) { return random_machine(seed); });
    } catch (const Error&) {  // without NICs or ranks
      continue;
    }
    const ClusterFacts facts = facts_of(spec, cluster);
    const std::string svg = cluster_to_svg(facts, cluster);
    EXPECT_EQ(parse_xml(svg, "picture").name, "svg");
    EXPECT_THAT(svg, HasSubstr("&lt;b&gt;&amp;"));
    EXPECT_THAT(svg, Not(HasSubstr("<b>")));
    const std::string text = cluster_to_text(facts, cluster);
    EXPECT_THAT(text, Not(HasSubstr("\x1B")));
    EXPECT_EQ(nlohmann::json::parse(cluster_to_json(facts, cluster)).at("hosts"), 3);
  }
}

TEST(PresentMachine, WhatIsMissing_IsLeftOutWithItsLinks) {
  const Cluster cluster = cluster_of(
      "2 x dgx-a100, host 0 without GPU 3, host 0 without NIC 2, host 0 NIC 1 at 50 Gb/s, host 0 without NIC 1, host 0 "
      "NIC 0 "
      "at 25 Gb/s");
  const Machine& whole = cluster.host(1).machine;
  EXPECT_EQ(present_machine(cluster.host(1)), whole);
  const Machine machine = present_machine(cluster.host(0));
  EXPECT_EQ(machine.gpus().size(), 7U);
  EXPECT_EQ(machine.nets().size(), 6U);
  EXPECT_EQ(machine.nodes().size(), whole.nodes().size() - 1 - 2 * 2) << "a NIC is a card and a network";
  EXPECT_EQ(machine.links().size(), whole.links().size() - 2 * 6) << "six switches, both ways";
  EXPECT_EQ(std::get<NetNode>(machine.node(machine.nets().front()).facts).megabits_per_s, 25'000);
  for (const Link& link : machine.links()) {
    const NodeId gpu = std::holds_alternative<GpuNode>(machine.node(link.from).facts) ? link.from : link.to;
    EXPECT_TRUE(std::holds_alternative<GpuNode>(machine.node(gpu).facts));
    EXPECT_NE(std::get<GpuNode>(machine.node(gpu).facts).ordinal, 3);
  }
}

TEST(PresentMachine, OfRandomMachines_IsTheSameIfNothingIsMissing) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const Machine machine = random_machine(seed);
    Cluster cluster;
    try {
      cluster = make_cluster(parse_cluster_line("1 x a.xml"), [&](const std::string&) { return machine; });
    } catch (const Error&) {  // neither GPUs nor NUMA nodes
      continue;
    }
    EXPECT_EQ(present_machine(cluster.host(0)), machine);
  }
}

}  // namespace
}  // namespace stretto::topology
