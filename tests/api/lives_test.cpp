// The life of communicators beyond the usual: set-up that does not block, its abort, finalize, and abort in each state.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include "support/threads.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;
constexpr std::chrono::seconds kSoon{10};  ///< far less than any deadline, far more than is needed

strettoConfig_t non_blocking(int setup_timeout_ms = 60'000) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.setup_timeout_ms = setup_timeout_ms;
  return config;
}

/// What set-up, or whatever is under way, ended with; strettoInProgress if it did not end soon.
strettoResult_t outcome(strettoComm_t comm) {
  const steady_clock::time_point limit = steady_clock::now() + kSoon;
  strettoResult_t state = strettoInProgress;
  while (state == strettoInProgress && steady_clock::now() < limit) {
    EXPECT_EQ(strettoCommGetAsyncError(comm, &state), strettoSuccess);
    std::this_thread::yield();
  }
  return state;
}

strettoResult_t sum(strettoComm_t comm, std::int64_t mine, std::int64_t& total) {
  total = -1;
  return strettoAllReduce(&mine, &total, 1, strettoInt64, strettoSum, comm, nullptr);
}

/// Ranks of one communicator whose set-up does not block; begun one by one.
class Joiners {
 public:
  explicit Joiners(int n) : comms_(static_cast<std::size_t>(n), nullptr) {
    EXPECT_EQ(strettoGetUniqueId(&id_), strettoSuccess) << strettoGetLastError(nullptr);
  }
  ~Joiners() {
    for (strettoComm_t comm : comms_) strettoCommDestroy(comm);
  }
  Joiners(const Joiners&) = delete;
  Joiners& operator=(const Joiners&) = delete;

  void begin(int rank, int setup_timeout_ms = 60'000) {
    const strettoConfig_t config = non_blocking(setup_timeout_ms);
    EXPECT_EQ(strettoCommInitRankConfig(&comm(rank), n(), id_, rank, &config), strettoInProgress)
        << strettoGetLastError(nullptr);
    ASSERT_NE(comm(rank), nullptr);
  }
  int n() const { return static_cast<int>(comms_.size()); }
  strettoComm_t& comm(int rank) { return comms_[static_cast<std::size_t>(rank)]; }
  void destroy(int rank) { EXPECT_EQ(strettoCommDestroy(std::exchange(comm(rank), nullptr)), strettoSuccess); }

 private:
  strettoUniqueId id_{};
  std::vector<strettoComm_t> comms_;
};

TEST(NonBlocking, InitRank_IsInProgressAndThenComputes) {
  Joiners ranks(3);
  ranks.begin(0);
  ranks.begin(2);
  strettoResult_t state = strettoNumResults;
  EXPECT_EQ(strettoCommGetAsyncError(ranks.comm(0), &state), strettoSuccess);
  EXPECT_EQ(state, strettoInProgress);
  int number = -1;
  EXPECT_EQ(strettoCommUserRank(ranks.comm(2), &number), strettoSuccess);
  EXPECT_EQ(number, 2);
  EXPECT_EQ(strettoCommCount(ranks.comm(2), &number), strettoSuccess);
  EXPECT_EQ(number, 3);
  EXPECT_EQ(strettoCommDevice(ranks.comm(2), &number), strettoSuccess);
  EXPECT_EQ(number, STRETTO_DEVICE_HOST);

  std::int64_t total = 0;
  EXPECT_EQ(sum(ranks.comm(0), 1, total), strettoInvalidUsage);
  EXPECT_STREQ(error_of(nullptr).field, "comm");
  EXPECT_NE(std::strstr(strettoGetLastError(ranks.comm(0)), "strettoCommGetAsyncError"), nullptr)
      << strettoGetLastError(ranks.comm(0));
  EXPECT_EQ(strettoCommFinalize(ranks.comm(0)), strettoInvalidUsage);

  ranks.begin(1);  // one thread has begun all three: nothing blocked
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(outcome(ranks.comm(rank)), strettoSuccess);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 3; ++rank) {
    threads.emplace_back([rank, comm = ranks.comm(rank)] {
      std::int64_t mine = -1;
      EXPECT_EQ(sum(comm, rank, mine), strettoSuccess) << strettoGetLastError(comm);
      EXPECT_EQ(mine, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(NonBlocking, InitAll_IsInProgressAndThenComputes) {
  const strettoConfig_t config = non_blocking();
  strettoComm_t comms[2] = {};
  ASSERT_EQ(strettoCommInitAllConfig(comms, 2, nullptr, &config), strettoInProgress) << strettoGetLastError(nullptr);
  for (strettoComm_t comm : comms) EXPECT_EQ(outcome(comm), strettoSuccess);
  std::int64_t totals[2] = {};
  std::thread other([&] { EXPECT_EQ(sum(comms[1], 5, totals[1]), strettoSuccess); });
  EXPECT_EQ(sum(comms[0], 2, totals[0]), strettoSuccess);
  other.join();
  EXPECT_EQ(totals[0], 7);
  EXPECT_EQ(totals[1], 7);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(NonBlocking, RankThatNeverComes_IsTheAsyncError) {
  Joiners ranks(2);
  ranks.begin(0, 300);
  EXPECT_EQ(outcome(ranks.comm(0)), strettoTimeout);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.code, strettoTimeout);
  EXPECT_EQ(info.rank, 0);
  EXPECT_EQ(info.peer, 1) << info.text;
  EXPECT_STREQ(strettoGetLastError(ranks.comm(0)), info.text);
  std::int64_t total = 0;
  EXPECT_EQ(sum(ranks.comm(0), 1, total), strettoTimeout) << "the set-up's error, again and again";
}

TEST(NonBlocking, DestroyDuringSetUp_IsNamedToTheOthers) {
  Joiners ranks(3);
  for (int rank = 0; rank < 2; ++rank) ranks.begin(rank);
  ranks.destroy(1);
  EXPECT_EQ(outcome(ranks.comm(0)), strettoRemoteError);
  EXPECT_EQ(error_of(ranks.comm(0)).peer, 1) << error_of(ranks.comm(0)).text;
  ranks.begin(2);
  EXPECT_EQ(outcome(ranks.comm(2)), strettoRemoteError) << "a rank that comes later is told too";
  EXPECT_EQ(error_of(ranks.comm(2)).peer, 1) << error_of(ranks.comm(2)).text;
}

TEST(Abort, InSetUp_EndsItHereAndIsNamedThere) {
  for (int victim = 0; victim < 3; ++victim) {
    SCOPED_TRACE(victim);
    Joiners ranks(4);
    for (int rank = 0; rank < 3; ++rank) ranks.begin(rank);
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(strettoCommAbort(ranks.comm(victim)), strettoSuccess); });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(outcome(ranks.comm(victim)), strettoAborted);
    EXPECT_EQ(error_of(ranks.comm(victim)).rank, victim);
    std::int64_t total = 0;
    EXPECT_EQ(sum(ranks.comm(victim), 1, total), strettoAborted);
    EXPECT_EQ(strettoCommAbort(ranks.comm(victim)), strettoSuccess) << "again";
    ranks.begin(3);
    for (int rank = 0; rank < 4; ++rank) {
      if (rank == victim) continue;
      EXPECT_EQ(outcome(ranks.comm(rank)), strettoRemoteError) << rank;
      EXPECT_EQ(error_of(ranks.comm(rank)).peer, victim) << error_of(ranks.comm(rank)).text;
    }
  }
}

// Some of these come before, some in and some after set-up: all must end soon, and all the others must hear of it.
TEST(Abort, AtAnyMomentOfSetUp_ReachesEveryRank) {
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    Joiners ranks(4);
    for (int rank = 0; rank < 4; ++rank) ranks.begin(rank);
    for (int spin = 0; spin < round * 20; ++spin) std::this_thread::yield();
    const int victim = round % 4;
    EXPECT_EQ(strettoCommAbort(ranks.comm(victim)), strettoSuccess);
    EXPECT_EQ(outcome(ranks.comm(victim)), strettoAborted);
    for (int rank = 0; rank < 4; ++rank) {
      if (rank == victim) continue;
      const steady_clock::time_point limit = steady_clock::now() + kSoon;
      strettoResult_t state = strettoInProgress;
      while ((state == strettoInProgress || state == strettoSuccess) && steady_clock::now() < limit) {
        EXPECT_EQ(strettoCommGetAsyncError(ranks.comm(rank), &state), strettoSuccess);
        std::this_thread::yield();
      }
      EXPECT_EQ(state, strettoRemoteError);
      EXPECT_EQ(error_of(ranks.comm(rank)).peer, victim) << error_of(ranks.comm(rank)).text;
    }
  }
}

TEST(Abort, FromManyThreadsIdleOrAfterAFault_IsOnceAndKeepsTheFirst) {
  ThreadRanks ranks(2);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess); });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(outcome(ranks.comm(0)), strettoAborted);
  std::int64_t total = 0;
  EXPECT_EQ(sum(ranks.comm(1), 1, total), strettoRemoteError);
  EXPECT_EQ(error_of(ranks.comm(1)).peer, 0);
  EXPECT_EQ(strettoCommAbort(ranks.comm(1)), strettoSuccess);
  EXPECT_EQ(outcome(ranks.comm(1)), strettoRemoteError) << "an abort does not replace the fault";
  EXPECT_EQ(strettoCommFinalize(ranks.comm(1)), strettoRemoteError);
}

TEST(Finalize, OfAllRanks_LeavesGettersAbortAndDestroy) {
  ThreadRanks ranks(2);
  ranks.run([](int rank, strettoComm_t comm) {
    std::int64_t total = -1;
    EXPECT_EQ(sum(comm, 1, total), strettoSuccess);
    EXPECT_EQ(strettoCommFinalize(comm), strettoSuccess) << strettoGetLastError(comm);
    EXPECT_EQ(strettoCommFinalize(comm), strettoSuccess) << "again";
    EXPECT_EQ(sum(comm, 1, total), strettoInvalidUsage);
    const strettoErrorInfo_t info = error_of(nullptr);
    EXPECT_STREQ(info.field, "comm");
    EXPECT_NE(std::strstr(info.text, "finalized"), nullptr) << info.text;
    EXPECT_EQ(total, -1) << "nothing was written";
    int number = -1;
    EXPECT_EQ(strettoCommUserRank(comm, &number), strettoSuccess);
    EXPECT_EQ(number, rank);
    strettoResult_t state = strettoInternalError;
    EXPECT_EQ(strettoCommGetAsyncError(comm, &state), strettoSuccess);
    EXPECT_EQ(state, strettoSuccess);
  });
  EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(outcome(ranks.comm(0)), strettoAborted);
  std::int64_t total = -1;
  EXPECT_EQ(sum(ranks.comm(0), 1, total), strettoAborted);
}

TEST(Finalize, WhileAnotherRankStillCalls_IsNamedThere) {
  ThreadRanks ranks(2);
  EXPECT_EQ(strettoCommFinalize(ranks.comm(1)), strettoSuccess);
  std::int64_t total = -1;
  EXPECT_EQ(sum(ranks.comm(0), 1, total), strettoRemoteError) << strettoGetLastError(ranks.comm(0));
  EXPECT_EQ(error_of(ranks.comm(0)).peer, 1);
}

}  // namespace
}  // namespace stretto
