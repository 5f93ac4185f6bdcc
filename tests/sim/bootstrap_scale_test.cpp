// How bootstrap grows with the number of ranks, by the simulator's clock and counters: the same on every machine.
// STRETTO_TEST_RANKS=100000 prints the table of docs/starting.md up to that many ranks; STRETTO_TEST_GATHER_RANKS says
// up to how many the gather is run as well (each of n ranks then holds n cards), STRETTO_TEST_CARD_BYTES of what size.
#include "sim/bootstrap_scale.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "comm/rank_card.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t service_ns = 5'000;
constexpr int card_bytes = 1024;

int number_of(const char* name, int otherwise) {
  const char* const text = std::getenv(name);
  const int number = text == nullptr ? 0 : std::atoi(text);
  return number > 0 ? number : otherwise;
}

void print(const ScaleConfig& config, const char* what, const RootCost& cost, double cpu_seconds) {
  std::printf("| %d | %s | %g us | %.4f s | %llu / %llu | %.3f / %.3f MB | %llu | %lld | %.2f MB | %.1f s |\n",
              config.n_ranks, what, static_cast<double>(config.service_ns) * 1e-3, cost.seconds,
              static_cast<unsigned long long>(cost.traffic.messages_received),
              static_cast<unsigned long long>(cost.traffic.messages_sent),
              static_cast<double>(cost.traffic.bytes_received) * 1e-6,
              static_cast<double>(cost.traffic.bytes_sent) * 1e-6,
              static_cast<unsigned long long>(cost.traffic.handles_most), static_cast<long long>(cost.system_calls),
              static_cast<double>(cost.memory_most_bytes) * 1e-6, cpu_seconds);
  std::fflush(stdout);
}

ScaleResult run_and_print(const ScaleConfig& config) {
  const std::clock_t start = std::clock();
  ScaleResult result = run_at_scale(config);
  const double cpu_seconds = static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  print(config, "bootstrap", result.bootstrap, cpu_seconds);
  if (config.card_bytes > 0) print(config, "and gather", result.gather, cpu_seconds);
  EXPECT_TRUE(result.all_came) << config.n_ranks << " ranks: " << result.trouble;
  EXPECT_TRUE(config.card_bytes == 0 || result.all_gathered) << config.n_ranks << " ranks: " << result.trouble;
  return result;
}

/// What the header of rendezvous.hpp and docs/starting.md say of n ranks.
void expect_linear(const ScaleConfig& config, const ScaleResult& result) {
  const auto n = static_cast<std::uint64_t>(config.n_ranks);
  EXPECT_EQ(result.frames.frames_sent, 3 * n);      // challenge, assign, ready
  EXPECT_EQ(result.frames.frames_received, 4 * n);  // hello, proof, join, linked
  EXPECT_EQ(result.frames.turned_away, 0U);
  EXPECT_LE(result.bootstrap.traffic.handles_most, n + 16);
  if (config.card_bytes > 0) return;  // some are in the gather before the last one has its control plane
  // And rank 0's own seven or so, of three connections.
  EXPECT_LE(result.bootstrap.traffic.messages_sent, 3 * n + 24);
  EXPECT_LE(result.bootstrap.traffic.messages_received, 4 * n + 24);
  EXPECT_LE(result.bootstrap.system_calls, 16 * config.n_ranks + 400);
  EXPECT_LE(result.bootstrap.memory_most_bytes, 2048 * config.n_ranks + 300'000);  // and up to 512 strangers
}

TEST(BootstrapScale, RanksUpTo4096_TheRootsWorkMemoryAndTimeGrowAsTheRanks) {
  for (const int n_ranks : {2, 8, 64, 512, 4096}) {
    for (const std::int64_t service : {std::int64_t{0}, service_ns}) {
      ScaleConfig config;
      config.n_ranks = n_ranks;
      config.service_ns = service;
      const ScaleResult result = run_and_print(config);
      expect_linear(config, result);
    }
  }
}

TEST(BootstrapScale, RootThatLooksAtAllRanksForEachMessage_MakesManyTimesTheCalls) {
  ScaleConfig config;
  config.n_ranks = 4096;
  const ScaleResult ready = run_and_print(config);
  config.look_at_all = true;
  const ScaleResult all = run_and_print(config);
  EXPECT_GT(all.bootstrap.system_calls, 3 * ready.bootstrap.system_calls);  // and so the counter can show it
}

TEST(BootstrapScale, CardsOf256Ranks_ReachAllAndTheRootTakesEachOnce) {
  ScaleConfig config;
  config.n_ranks = 256;
  config.service_ns = service_ns;
  config.card_bytes = card_bytes;
  const ScaleResult result = run_and_print(config);
  expect_linear(config, result);
  // 200 bytes of each rank's bootstrap, and its card with rank, length and a frame's header and seal.
  EXPECT_LE(result.gather.traffic.bytes_received, 256 * (200 + card_bytes + 8 + 33));
}

TEST(BootstrapScale, TableOfTheDocumentation_AllCome) {
  const int n_most = number_of("STRETTO_TEST_RANKS", 64);
  const int n_gather = number_of("STRETTO_TEST_GATHER_RANKS", 1024);
  RankCard card;
  card.identity.host_name = "node-0000.cluster.example";
  card.identity.host_id = "00000000-0000-0000-0000-000000000000:4026531840";
  std::printf("a rank's card: %zu bytes\n", encode(card).size());
  for (const int n_ranks : {8, 64, 512, 1024, 4096, 16'384, 100'000}) {
    if (n_ranks > n_most) break;
    for (const std::int64_t service : {std::int64_t{0}, service_ns}) {
      ScaleConfig config;
      config.n_ranks = n_ranks;
      config.service_ns = service;
      if (n_ranks != 1024) expect_linear(config, run_and_print(config));
      config.card_bytes = static_cast<std::size_t>(number_of("STRETTO_TEST_CARD_BYTES", card_bytes));
      if (n_ranks <= n_gather) run_and_print(config);
    }
  }
}

}  // namespace
}  // namespace stretto::sim
