// Shrink: those who are left of a communicator go on in another one, whoever is missing; and what is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "support/threads.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;

/// The communicator computes, and its ranks are those of `left`, by the first parent's numbers.
void expect_group(strettoComm_t comm, const std::vector<int>& left, int me) {
  int size = -1;
  int rank = -1;
  ASSERT_EQ(strettoCommCount(comm, &size), strettoSuccess);
  ASSERT_EQ(strettoCommUserRank(comm, &rank), strettoSuccess);
  ASSERT_EQ(static_cast<std::size_t>(size), left.size());
  ASSERT_EQ(left[static_cast<std::size_t>(rank)], me);
  for (int i = 0; i < 20; ++i) {
    std::vector<int> gathered(left.size(), -1);
    ASSERT_EQ(strettoAllGather(&me, gathered.data(), 1, strettoInt32, comm, nullptr), strettoSuccess)
        << strettoGetLastError(comm);
    EXPECT_EQ(gathered, left);
  }
}

std::vector<int> all_but(int n, const std::vector<int>& excluded) {
  std::vector<int> left;
  for (int rank = 0; rank < n; ++rank) {
    if (std::ranges::find(excluded, rank) == excluded.end()) left.push_back(rank);
  }
  return left;
}

bool holds(const std::vector<int>& ranks, int rank) { return std::ranges::find(ranks, rank) != ranks.end(); }

strettoResult_t shrink(strettoComm_t comm, const std::vector<int>& excluded, strettoComm_t* child,
                       const strettoConfig_t* config = nullptr) {
  return strettoCommShrink(comm, excluded.data(), static_cast<int>(excluded.size()), child, config);
}

/// After a shrink that failed: all but rank 0 of 4 try again.
void expect_the_next_succeeds(ThreadRanks& ranks) {
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 0) return;
    strettoComm_t child = nullptr;
    ASSERT_EQ(shrink(comm, {0}, &child), strettoSuccess) << strettoGetLastError(nullptr);
    expect_group(child, {1, 2, 3}, rank);
    EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
  });
}

TEST(Shrink, OfAHealthyCommunicator_LeavesItUsable) {
  for (const std::vector<int>& excluded : {std::vector<int>{3}, {0}, {0, 2}, {2, 1, 3}, {}, {1, 1}}) {
    ThreadRanks ranks(4);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (!holds(excluded, rank)) {
        strettoComm_t child = nullptr;
        ASSERT_EQ(shrink(comm, excluded, &child), strettoSuccess) << strettoGetLastError(nullptr);
        expect_group(child, all_but(4, excluded), rank);
        EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
      }
      expect_group(comm, {0, 1, 2, 3}, rank);
    });
  }
}

TEST(Shrink, AfterAnAbort_GoesOnWithTheOthers) {
  for (const int gone : {0, 1, 2}) {
    ThreadRanks ranks(3);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == gone) {
        EXPECT_EQ(strettoCommAbort(comm), strettoSuccess);
        return;
      }
      std::int64_t value = 1;
      ASSERT_EQ(strettoAllReduce(&value, &value, 1, strettoInt64, strettoSum, comm, nullptr), strettoRemoteError);
      const int peer = error_of(comm).peer;
      ASSERT_EQ(peer, gone) << strettoGetLastError(comm);
      strettoComm_t child = nullptr;
      ASSERT_EQ(strettoCommShrink(comm, &peer, 1, &child, nullptr), strettoSuccess) << strettoGetLastError(nullptr);
      expect_group(child, all_but(3, {gone}), rank);
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    });
  }
}

// Each generation excludes its own rank 0, and its parent ends before or after it.
TEST(Shrink, OfAShrunkOne_DownToOneRank) {
  for (const bool parent_first : {false, true}) {
    ThreadRanks ranks(4);
    ranks.run([&](int rank, strettoComm_t comm) {
      std::vector<strettoComm_t> made;
      strettoComm_t parent = comm;
      for (int gone = 0; gone < rank; ++gone) {
        strettoComm_t child = nullptr;
        ASSERT_EQ(shrink(parent, {0}, &child), strettoSuccess) << strettoGetLastError(nullptr);
        if (parent_first && !made.empty()) {
          EXPECT_EQ(strettoCommDestroy(made.back()), strettoSuccess);
          made.pop_back();
        }
        std::vector<int> excluded;
        for (int other = 0; other <= gone; ++other) excluded.push_back(other);
        expect_group(child, all_but(4, excluded), rank);
        made.push_back(child);
        parent = child;
      }
      for (; !made.empty(); made.pop_back()) EXPECT_EQ(strettoCommDestroy(made.back()), strettoSuccess);
    });
  }
}

TEST(Shrink, SameRanksAgainAndAgain_MeetEachTime) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 1) return;
    for (int i = 0; i < 10; ++i) {
      strettoComm_t child = nullptr;
      ASSERT_EQ(shrink(comm, {1}, &child), strettoSuccess) << strettoGetLastError(nullptr);
      expect_group(child, {0, 2}, rank);
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    }
  });
}

TEST(Shrink, InAGroupOfOneThread_ServesAllItsRanks) {
  ThreadRanks ranks(4);
  strettoComm_t children[4] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (const int rank : {0, 1, 3}) ASSERT_EQ(shrink(ranks.comm(rank), {2}, &children[rank]), strettoSuccess);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  std::vector<std::thread> threads;
  for (const int rank : {0, 1, 3}) {
    threads.emplace_back([&, rank] { expect_group(children[rank], {0, 1, 3}, rank); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int rank : {0, 1, 3}) EXPECT_EQ(strettoCommDestroy(children[rank]), strettoSuccess);
}

TEST(Shrink, WithAConfigThatDoesNotBlock_IsInProgress) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 0) return;
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.blocking = 0;
    strettoComm_t child = nullptr;
    ASSERT_EQ(shrink(comm, {0}, &child, &config), strettoInProgress) << strettoGetLastError(nullptr);
    strettoResult_t state = strettoInProgress;
    const steady_clock::time_point limit = steady_clock::now() + std::chrono::seconds(10);
    while (state == strettoInProgress && steady_clock::now() < limit) {
      EXPECT_EQ(strettoCommGetAsyncError(child, &state), strettoSuccess);
      std::this_thread::yield();
    }
    EXPECT_EQ(state, strettoSuccess) << strettoGetLastError(child);
    expect_group(child, {1, 2}, rank);
    EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
  });
}

// Whoever comes first is missing to the others; then all come, and are served under the same name.
TEST(Shrink, RankThatDoesNotCome_IsNamedAndMayComeNextTime) {
  for (const int late : {1, 3}) {  // the first of those who are left, or another
    ThreadRanks ranks(4);
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.setup_timeout_ms = 1000;
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == 0 || rank == late) return;
      strettoComm_t child = nullptr;
      EXPECT_EQ(shrink(comm, {0}, &child, &config), strettoTimeout);
      EXPECT_EQ(error_of(nullptr).peer, late) << strettoGetLastError(nullptr);
      EXPECT_STREQ(error_of(nullptr).name, "shrink");
      EXPECT_EQ(child, nullptr);
    });
    expect_the_next_succeeds(ranks);
  }
}

TEST(Shrink, RanksThatExcludeDifferently_AreTold) {
  ThreadRanks ranks(4);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank >= 2) return;
    strettoComm_t child = nullptr;
    EXPECT_EQ(shrink(comm, rank == 0 ? std::vector<int>{2, 3} : std::vector<int>{3}, &child), strettoInvalidUsage);
    const strettoErrorInfo_t info = error_of(nullptr);
    EXPECT_STREQ(info.field, "exclude") << info.text;
    EXPECT_EQ(info.peer, 1 - rank) << info.text;
  });
}

TEST(Shrink, RankWithABadConfig_IsNamedToTheOthers) {
  for (const int bad : {1, 2}) {
    ThreadRanks ranks(4);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == 0) return;
      strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
      if (rank == bad) config.algorithm = "rings";
      strettoComm_t child = nullptr;
      EXPECT_EQ(shrink(comm, {0}, &child, &config), rank == bad ? strettoInvalidArgument : strettoRemoteError);
      const strettoErrorInfo_t info = error_of(nullptr);
      EXPECT_STREQ(info.field, "algorithm") << info.text;
      if (rank != bad) {
        EXPECT_EQ(info.peer, bad) << info.text;
      }
    });
    expect_the_next_succeeds(ranks);
  }
}

TEST(Shrink, ChildAbortedWhileItMeets_IsNamedToItsGroup) {
  for (const int gone : {0, 2}) {
    ThreadRanks ranks(4);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == 1 || rank == 3) return;  // 3 is missing, so that all wait
      strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
      config.blocking = 0;
      config.setup_timeout_ms = 5'000;
      strettoComm_t child = nullptr;
      ASSERT_EQ(shrink(comm, {1}, &child, &config), strettoInProgress) << strettoGetLastError(nullptr);
      if (rank == gone) {
        EXPECT_EQ(strettoCommAbort(child), strettoSuccess);
      }
      strettoResult_t state = strettoInProgress;
      while (state == strettoInProgress) {
        EXPECT_EQ(strettoCommGetAsyncError(child, &state), strettoSuccess);
        std::this_thread::yield();
      }
      EXPECT_EQ(state, rank == gone ? strettoAborted : strettoRemoteError) << strettoGetLastError(child);
      if (rank != gone) {
        EXPECT_EQ(error_of(child).peer, gone) << strettoGetLastError(child);
      }
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    });
  }
}

TEST(Shrink, BadArguments_AreRefusedByName) {
  ThreadRanks ranks(3);
  strettoComm_t child = nullptr;
  const auto refused = [&](const int* exclude, int n_exclude, const char* field) {
    EXPECT_EQ(strettoCommShrink(ranks.comm(0), exclude, n_exclude, &child, nullptr), strettoInvalidArgument);
    EXPECT_STREQ(error_of(nullptr).field, field) << strettoGetLastError(nullptr);
    EXPECT_EQ(child, nullptr);
  };
  const int ranks_to_exclude[] = {0, 3, -1};
  refused(nullptr, 1, "exclude");
  refused(ranks_to_exclude, -1, "n_exclude");
  for (const int& one : ranks_to_exclude) refused(&one, 1, "exclude");
  EXPECT_EQ(strettoCommShrink(nullptr, nullptr, 0, &child, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "comm");
  EXPECT_EQ(strettoCommShrink(ranks.comm(0), nullptr, 0, nullptr, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "newcomm");
  ranks.run([&](int, strettoComm_t comm) { EXPECT_EQ(strettoCommFinalize(comm), strettoSuccess); });
  EXPECT_EQ(strettoCommShrink(ranks.comm(0), nullptr, 0, &child, nullptr), strettoInvalidUsage);
}

TEST(Shrink, WithoutAConfig_InheritsTheParents) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 70;
  strettoComm_t comms[3] = {};
  ASSERT_EQ(strettoCommInitAllConfig(comms, 3, nullptr, &config), strettoSuccess);
  strettoComm_t children[3] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (const int rank : {0, 2}) ASSERT_EQ(shrink(comms[rank], {1}, &children[rank]), strettoSuccess);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  std::int64_t value = 1;
  EXPECT_EQ(strettoAllReduce(&value, &value, 1, strettoInt64, strettoSum, children[2], nullptr), strettoTimeout)
      << "rank 0 does not come";
  for (const int rank : {0, 2}) EXPECT_EQ(strettoCommDestroy(children[rank]), strettoSuccess);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

}  // namespace
}  // namespace stretto
