// Ranks that are stopped, or never come: the others are told which.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "scale/rank_body.hpp"

namespace stretto {
namespace {

constexpr int kRanks = 4;
constexpr int kForEver = 1 << 30;

/// Operations that all ranks together have completed.
class SharedCounter {
 public:
  SharedCounter() {
    void* memory = mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    counter_ = new (memory) std::atomic<int>(0);
  }
  ~SharedCounter() { munmap(counter_, sizeof(std::atomic<int>)); }
  SharedCounter(const SharedCounter&) = delete;
  SharedCounter& operator=(const SharedCounter&) = delete;

  int add() { return ++*counter_; }
  /// At most 20 s.
  bool wait_for(int value) {
    for (int tries = 0; tries < 20'000 && *counter_ < value; ++tries) usleep(1000);
    return *counter_ >= value;
  }

 private:
  std::atomic<int>* counter_;
};

/// Stops one rank in the middle of all-reduces and expects a timeout that names it on every other rank.
void expect_stopped_rank_named(int victim, const char* variable, const char* value, const char* algorithm) {
  SCOPED_TRACE(testing::Message() << "victim=" << victim << " algorithm=" << algorithm);
  SharedCounter done;
  SharedCounter ended;
  RankPlan plan;
  plan.n = kRanks;
  plan.operations = kForEver;
  plan.before_init = [=] {
    setenv(variable, value, 1);
    setenv("STRETTO_HEARTBEAT_INTERVAL_MS", "100", 1);
    if (*algorithm != '\0') setenv("STRETTO_ALGORITHM", algorithm, 1);
  };
  plan.after_operation = [&](int) { done.add(); };
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) {
    const RankReport report = run_rank(rank, id, plan);
    ended.add();
    return report;
  });
  ASSERT_TRUE(done.wait_for(10 * kRanks));
  const std::int64_t stopped_ns = monotonic_ns();
  ranks.kill(victim, SIGSTOP);
  EXPECT_TRUE(ended.wait_for(kRanks - 1)) << "a survivor hung";
  ranks.kill(victim, SIGKILL);
  EXPECT_TRUE(ranks.wait(std::chrono::seconds(10)));
  for (int rank = 0; rank < kRanks; ++rank) {
    if (rank == victim) continue;
    ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
    const RankReport& report = ranks.report(rank);
    EXPECT_EQ(report.result, strettoTimeout) << report.text;
    EXPECT_EQ(report.peer, victim) << "rank " << rank << ": " << report.text;
    EXPECT_LT(report.at_ns - stopped_ns, 5'000'000'000) << report.text;
    EXPECT_EQ(report.value, 0) << report.text;
  }
}

TEST(SilentRank, StoppedInAnOperation_IsNamedByTheDataDeadline) {
  expect_stopped_rank_named(2, "STRETTO_DATA_TIMEOUT_MS", "1000", "one_shot");
}

TEST(SilentRank, StoppedLeaf_IsNamedByHeartbeats) {
  expect_stopped_rank_named(3, "STRETTO_HEARTBEAT_TIMEOUT_MS", "1000", "");
}

TEST(SilentRank, StoppedRoot_IsNamedByHeartbeats) {
  expect_stopped_rank_named(0, "STRETTO_HEARTBEAT_TIMEOUT_MS", "1000", "");
}

TEST(SilentRank, NeverComes_IsNamedByTheSetUpDeadline) {
  RankPlan plan;
  plan.n = 6;  // two of them are never started
  plan.before_init = [] { setenv("STRETTO_SETUP_TIMEOUT_MS", "3000", 1); };
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) { return run_rank(rank, id, plan); });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(20)));
  for (int rank = 0; rank < kRanks; ++rank) {
    ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
    const RankReport& report = ranks.report(rank);
    EXPECT_EQ(report.result, strettoTimeout) << report.text;
    EXPECT_EQ(report.peer, 4) << report.text;
    EXPECT_NE(std::string(report.text).find("4, 5"), std::string::npos) << report.text;
    EXPECT_EQ(report.value, 0) << report.text;
  }
}

}  // namespace
}  // namespace stretto
