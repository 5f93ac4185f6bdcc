// Random operations against an oracle, by ranks that are threads and by ranks that are processes. A failure prints the
// seed of its episode; STRETTO_TEST_SEED=<seed> plays that one alone.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <mutex>
#include <random>

#include "base/text.hpp"
#include "random/content.hpp"
#include "random/player.hpp"
#include "support/processes.hpp"
#include "support/threads.hpp"

namespace stretto::script {
namespace {

/// Episodes of 1 to 8 ranks in turn.
struct Plan {
  std::uint64_t first_seed;
  int episodes;
  std::size_t operations;  ///< of each
};

#ifdef STRETTO_RANDOM_LONG
/// Another seed each time: what a fixed one covers is covered.
Plan the_plan() { return {std::random_device()(), 16, 700}; }
#else
Plan the_plan() { return {20261121, 8, 60}; }
#endif

/// The plan's, or the one that the environment asks for.
std::vector<Episode> episodes_of(Plan plan) {
  if (const char* asked = std::getenv("STRETTO_TEST_SEED"); asked != nullptr) {
    plan.first_seed = std::strtoull(asked, nullptr, 10);
    plan.episodes = 1;
  }
  std::vector<Episode> episodes;
  for (int i = 0; i < plan.episodes; ++i) {
    const std::uint64_t seed = plan.first_seed + static_cast<std::uint64_t>(i);
    episodes.push_back({seed, ranks_of(seed), plan.operations});
  }
  return episodes;
}

/// For what sets up a communicator while it lives: a forced algorithm, and now and then debug mode, which must find
/// nothing.
class EpisodeEnvironment {
 public:
  explicit EpisodeEnvironment(const Episode& episode) {
    if (const char* name = algorithm_of(episode); name != nullptr) setenv("STRETTO_ALGORITHM", name, 1);
    if (mix({episode.seed, 0xDEB6ULL}) % 4 == 0) setenv("STRETTO_DEBUG", "checksum", 1);
  }
  ~EpisodeEnvironment() {
    unsetenv("STRETTO_ALGORITHM");
    unsetenv("STRETTO_DEBUG");
  }
  EpisodeEnvironment(const EpisodeEnvironment&) = delete;
  EpisodeEnvironment& operator=(const EpisodeEnvironment&) = delete;
};

std::string rerun(const Episode& episode) { return format("STRETTO_TEST_SEED={} plays it again", episode.seed); }

/// Returns the operations.
std::size_t play_in_threads(const Episode& episode) {
  const EpisodeEnvironment environment(episode);
  ThreadRanks ranks(episode.n);
  std::atomic<std::size_t> operations{0};
  std::mutex failures;
  ranks.run([&](int rank, strettoComm_t comm) {
    try {
      const std::size_t played = play(episode, comm, rank);
      if (rank == 0) operations = played;
    } catch (const Mismatch& mismatch) {
      const std::lock_guard lock(failures);
      ADD_FAILURE() << mismatch.what() << "\n" << rerun(episode);
    }
  });
  return operations;
}

RankReport play_as_process(const Episode& episode, int rank, const strettoUniqueId& id) {
  strettoComm_t comm = nullptr;
  const strettoResult_t joined = strettoCommInitRank(&comm, episode.n, id, rank);
  if (joined != strettoSuccess) return report_of(nullptr, joined);
  RankReport report = report_of(comm, strettoSuccess);
  try {
    report.value = static_cast<std::int64_t>(play(episode, comm, rank));
  } catch (const Mismatch& mismatch) {
    report.result = strettoInternalError;
    std::snprintf(report.text, sizeof report.text, "%.500s", mismatch.what());
  }
  strettoCommDestroy(comm);
  return report;
}

std::size_t play_in_processes(const Episode& episode) {
  const EpisodeEnvironment environment(episode);
  Processes ranks(episode.n, [&](int rank, const strettoUniqueId& id) { return play_as_process(episode, rank, id); });
  EXPECT_TRUE(ranks.wait(std::chrono::seconds(200))) << "a rank hung: " << rerun(episode);
  for (int rank = 0; rank < episode.n; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << ranks.report(rank).text << "\n" << rerun(episode);
    EXPECT_EQ(ranks.status(rank), 0) << rerun(episode);
  }
  return static_cast<std::size_t>(ranks.report(0).value);
}

template <typename Play>
void play_all(const Plan& plan, const char* how, const Play& play_one) {
  warm_up_oracle();
  std::size_t operations = 0;
  const std::vector<Episode> episodes = episodes_of(plan);
  std::printf("seeds from %llu on\n", static_cast<unsigned long long>(episodes.front().seed));
  std::fflush(stdout);  // or each forked rank prints it, too
  for (const Episode& episode : episodes) {
    operations += play_one(episode);
    if (testing::Test::HasFailure()) return;
  }
  std::printf("%zu operations by 1 to 8 %s equal the oracle\n", operations, how);
  EXPECT_GE(operations, plan.operations);
}

// Processes first: they are forked while there are no other threads.
#ifdef STRETTO_RANDOM_LONG
TEST(RandomOperations, TenThousandOfProcesses_EqualTheOracle) { play_all(the_plan(), "processes", play_in_processes); }
TEST(RandomOperations, TenThousandOfThreads_EqualTheOracle) { play_all(the_plan(), "threads", play_in_threads); }
#else
TEST(RandomOperations, OfProcesses_EqualTheOracle) { play_all(the_plan(), "processes", play_in_processes); }
TEST(RandomOperations, OfThreads_EqualTheOracle) { play_all(the_plan(), "threads", play_in_threads); }
#endif

}  // namespace
}  // namespace stretto::script
