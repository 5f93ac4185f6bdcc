// Set-up of ranks that cannot form a communicator, under the simulator: each hears why, and of whom.
#include "comm/setup.hpp"

#include <gtest/gtest.h>

#include "bootstrap/rendezvous.hpp"
#include "sim/sim_scheduler.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

/// One rank of each of `hosts`; what came of each.
std::vector<std::optional<ErrorInfo>> set_up(const std::vector<int>& hosts, const std::vector<Settings>& settings) {
  SimWorld world(7);
  SimScheduler scheduler(world);
  const int root = world.add_process(hosts.front());
  TreeRendezvous rendezvous(world.system(root), world.address(root));
  scheduler.add({root, [&] { return rendezvous.poll(), false; }, [&] { return rendezvous.next_deadline_ns(); }, [] {}});
  std::vector<std::unique_ptr<Setup>> setups;
  std::vector<std::optional<ErrorInfo>> errors(hosts.size());
  std::size_t n_over = 0;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const int process = world.add_process(hosts[i]);
    const auto rank = static_cast<Rank>(i);
    setups.push_back(std::make_unique<Setup>(world.system(process), rendezvous.id(), rank,
                                             static_cast<int>(hosts.size()), settings[i]));
    scheduler.add({process,
                   [&, i] {
                     if (!setups[i]) return false;
                     try {
                       if (!setups[i]->poll()) return false;
                     } catch (const Error& error) {
                       errors[i] = error.info();
                     }
                     ++n_over;
                     setups[i].reset();
                     return true;
                   },
                   [&] { return world.now_ns() + 1'000'000; }, [] {}});
  }
  EXPECT_TRUE(scheduler.run([&] { return n_over == hosts.size(); }, 60 * second_ns));
  return errors;
}

Settings with_algorithm(const char* name) {
  Settings settings;
  settings.setup_timeout_ns = 20 * second_ns;
  settings.algorithm = name;
  settings.algorithm_from_config = *name != '\0';
  return settings;
}

TEST(SetupSimulated, RanksOfTwoHosts_AreToldThatNoTransportJoinsThem) {
  const auto errors = set_up({0, 0, 1}, {with_algorithm(""), with_algorithm(""), with_algorithm("")});
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, strettoUnsupported) << error->text;
    EXPECT_NE(error->text.find("no transport joins rank"), std::string::npos) << error->text;
    EXPECT_TRUE(error->rank == 2 || error->peer == 2) << error->text;
  }
}

TEST(SetupSimulated, RankWithAnotherAlgorithmInItsConfig_IsToldSoByField) {
  const auto errors = set_up({0, 0}, {with_algorithm("ring"), with_algorithm("tree")});
  for (const auto& error : errors) {
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code, strettoInvalidUsage) << error->text;
    EXPECT_EQ(error->field, "algorithm");
    EXPECT_EQ(error->rank, 1);
    EXPECT_EQ(error->peer, 0);
  }
}

TEST(SetupSimulated, RankWithAnAlgorithmInItsEnvironment_TakesThatOfRank0) {
  Settings local = with_algorithm("tree");
  local.algorithm_from_config = false;
  for (const auto& error : set_up({0, 0}, {with_algorithm("ring"), local})) EXPECT_FALSE(error) << error->text;
}

}  // namespace
}  // namespace stretto::sim
