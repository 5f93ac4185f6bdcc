// Set-up where STRETTO_TOPO_FILE or STRETTO_TOPO_DUMP is set: what the file says of sockets is what all ranks hear, one
// that cannot be read fails every rank, and one that cannot be written none.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "bootstrap/rendezvous.hpp"
#include "comm/setup.hpp"
#include "comm/this_machine.hpp"
#include "sim/sim_scheduler.hpp"
#include "topology/files/machine_file.hpp"

namespace stretto::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr std::int64_t second_ns = 1'000'000'000;

struct Result {
  std::optional<ErrorInfo> error;
  std::vector<std::int32_t> sockets;  ///< of all ranks, as this one heard
};

/// Ranks of one host; what came of each.
std::vector<Result> set_up(std::vector<Settings> settings) {
  for (std::size_t i = 0; i < settings.size(); ++i) adopt_machine(settings[i], static_cast<Rank>(i));
  SimWorld world(7);
  SimScheduler scheduler(world);
  const int root = world.add_process(0);
  TreeRendezvous rendezvous(world.system(root), world.address(root));
  scheduler.add({root, [&] { return rendezvous.poll(), false; }, [&] { return rendezvous.next_deadline_ns(); }, [] {}});
  std::vector<std::unique_ptr<Setup>> setups;
  std::vector<Membership> members(settings.size());
  std::vector<Result> results(settings.size());
  std::size_t n_over = 0;
  for (std::size_t i = 0; i < settings.size(); ++i) {
    const int process = world.add_process(0);
    setups.push_back(std::make_unique<Setup>(world.system(process), rendezvous.id(), static_cast<Rank>(i),
                                             static_cast<int>(settings.size()), settings[i]));
    const auto step = [&, i] {
      if (!setups[i]) return false;
      try {
        if (!setups[i]->poll()) return false;
        members[i] = setups[i]->take();
        for (std::size_t rank = 0; rank < settings.size(); ++rank) {
          results[i].sockets.push_back(members[i].topology->identity(static_cast<Rank>(rank)).socket);
        }
      } catch (const Error& error) {
        results[i].error = error.info();
      }
      ++n_over;
      setups[i].reset();
      return true;
    };
    scheduler.add({process, step, [&] { return world.now_ns() + 1'000'000; }, [] {}});
  }
  EXPECT_TRUE(scheduler.run([&] { return n_over == settings.size(); }, 60 * second_ns));
  return results;
}

class TopologySetup : public testing::Test {
 protected:
  TopologySetup() { fs::create_directory(folder_); }
  ~TopologySetup() override { fs::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ / name; }
  std::string written(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  /// A file of one NUMA node with every processor that a host can have.
  std::string file_with_package(const std::string& package) const {
    std::string all = "ffffffff";
    for (int i = 1; i < topology::kMostProcessors / 32; ++i) all += ",ffffffff";
    return written("package" + package + ".xml",
                   "<system version='1'><cpu numaid='0' package='" + package + "' affinity='" + all + "'/></system>");
  }
  static Settings settings() {
    Settings result;
    result.setup_timeout_ns = 20 * second_ns;
    result.heartbeat_interval_ns = second_ns;
    result.heartbeat_timeout_ns = 60 * second_ns;
    return result;
  }

  const fs::path folder_ = testing::TempDir() + "stretto_topology_setup_" + std::to_string(::getpid());
};

TEST_F(TopologySetup, FileThatKnowsTheProcessors_SaysTheSocket) {
  std::vector<Settings> both(2, settings());
  both[0].topology_file = file_with_package("5");
  both[1].topology_file = file_with_package("6");
  for (const Result& result : set_up(both)) {
    ASSERT_FALSE(result.error) << result.error->text;
    EXPECT_THAT(result.sockets, ElementsAre(5, 6));
  }
}

TEST_F(TopologySetup, FileThatCannotBeTaken_FailsEveryRankWithItsName) {
  std::vector<Settings> both(2, settings());
  both[1].topology_file = path("none.xml");
  for (const Result& result : set_up(both)) {
    ASSERT_TRUE(result.error);
    EXPECT_EQ(result.error->rank, 1);
    EXPECT_EQ(result.error->field, "STRETTO_TOPO_FILE");
    EXPECT_THAT(result.error->text, HasSubstr("none.xml: cannot be opened (No such file or directory)"));
  }
  both[1].topology_file = written("odd.xml", "<system version='1'>\n<cpu numaid='x'/></system>");
  for (const Result& result : set_up(both)) {
    ASSERT_TRUE(result.error);
    EXPECT_THAT(result.error->text, HasSubstr("odd.xml, line 2, <cpu>: numaid is \"x\""));
  }
}

TEST_F(TopologySetup, Dump_IsWrittenByRank0Alone) {
  std::vector<Settings> both(2, settings());
  both[0].topology_dump = path("zero.xml");
  both[1].topology_dump = path("one.xml");
  both[0].topology_file = both[1].topology_file = file_with_package("5");
  for (const Result& result : set_up(both)) ASSERT_FALSE(result.error) << result.error->text;
  const topology::Machine machine = topology::read_machine_file(path("zero.xml"));
  EXPECT_EQ(std::get<topology::NumaNode>(machine.node(0).facts).package, 5);
  // What the file does not say is the probe's.
  EXPECT_FALSE(std::get<topology::NumaNode>(machine.node(0).facts).architecture.empty());
  EXPECT_FALSE(fs::exists(path("one.xml")));
  struct stat facts {};
  ASSERT_EQ(::stat(path("zero.xml").c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 07777, 0644U);
}

TEST_F(TopologySetup, DumpThatCannotBeWritten_IsNoError) {
  std::vector<Settings> both(2, settings());
  both[0].topology_dump = path("no/such/folder/dump.xml");
  for (const Result& result : set_up(both)) EXPECT_FALSE(result.error) << result.error->text;
}

topology::Machine machine_with(const std::vector<topology::NumaNode>& numas) {
  std::vector<topology::Node> nodes;
  for (const topology::NumaNode& numa : numas) nodes.push_back({topology::kNoNode, numa});
  return {"", std::move(nodes), {}};
}

topology::NumaNode numa(std::int32_t number, std::vector<std::int32_t> processors,
                        std::optional<std::int32_t> package) {
  topology::NumaNode node;
  node.numa_id = number, node.processors = std::move(processors), node.package = package;
  return node;
}

TEST(SocketInMachine, Processors_AreOnOneOnSeveralOrNotKnown) {
  using Cpus = std::vector<std::size_t>;
  const auto halves = machine_with({numa(0, {0, 1}, 7), numa(1, {2, 3}, 7), numa(2, {4, 5}, 9)});
  EXPECT_EQ(socket_in(halves, Cpus{0}), 7);
  EXPECT_EQ(socket_in(halves, Cpus{1, 2}), 7) << "two nodes of one package";
  EXPECT_EQ(socket_in(halves, Cpus{4, 5}), 9);
  EXPECT_EQ(socket_in(halves, Cpus{3, 4}), -1);
  EXPECT_EQ(socket_in(halves, Cpus{5, 6}), std::nullopt);
  EXPECT_EQ(socket_in(halves, Cpus{}), std::nullopt);
  const auto no_package = machine_with({numa(4, {0, 1}, 7), numa(5, {2, 3}, {})});
  EXPECT_EQ(socket_in(no_package, Cpus{1}), 0) << "each node counts as a socket";
  EXPECT_EQ(socket_in(no_package, Cpus{2, 3}), 1);
  EXPECT_EQ(socket_in(no_package, Cpus{1, 2}), -1);
}

}  // namespace
}  // namespace stretto::sim
