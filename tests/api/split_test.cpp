// Split: who is in which group and in which order, and that every rank hears of what is wrong with any of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <random>
#include <thread>

#include "support/threads.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;

strettoResult_t sum(strettoComm_t comm, std::int64_t mine, std::int64_t& total) {
  total = -1;
  return strettoAllReduce(&mine, &total, 1, strettoInt64, strettoSum, comm, nullptr);
}

/// The communicator computes, and is what a group of these ranks of the parent must be.
void expect_group(strettoComm_t comm, const std::vector<int>& group, int parent_rank) {
  int size = -1;
  int rank = -1;
  ASSERT_EQ(strettoCommCount(comm, &size), strettoSuccess);
  ASSERT_EQ(strettoCommUserRank(comm, &rank), strettoSuccess);
  ASSERT_EQ(static_cast<std::size_t>(size), group.size());
  ASSERT_EQ(group[static_cast<std::size_t>(rank)], parent_rank);
  std::vector<int> gathered(group.size(), -1);
  ASSERT_EQ(strettoAllGather(&parent_rank, gathered.data(), 1, strettoInt32, comm, nullptr), strettoSuccess)
      << strettoGetLastError(comm);
  EXPECT_EQ(gathered, group);
}

void expect_usable(ThreadRanks& ranks) {
  ranks.run([&](int rank, strettoComm_t comm) {
    std::int64_t total = -1;
    EXPECT_EQ(sum(comm, rank, total), strettoSuccess) << strettoGetLastError(comm);
    EXPECT_EQ(total, ranks.n() * (ranks.n() - 1) / 2);
  });
}

TEST(Split, RandomColoursAndKeys_GiveGroupsInOrder) {
  std::random_device device;
  const std::uint64_t seed = device();
  SCOPED_TRACE(testing::Message() << "seed=" << seed);
  std::mt19937_64 random(seed);
  for (int round = 0; round < 6; ++round) {
    const int n = 1 + static_cast<int>(random() % 7);
    std::vector<int> colors, keys;
    for (int rank = 0; rank < n; ++rank) {
      colors.push_back(static_cast<int>(random() % 4) - 1);
      keys.push_back(static_cast<int>(random() % 3) - 1);
    }
    ThreadRanks ranks(n);
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto me = static_cast<std::size_t>(rank);
      strettoComm_t child = comm;  // to be overwritten, by NULL too
      ASSERT_EQ(strettoCommSplit(comm, colors[me], keys[me], &child, nullptr), strettoSuccess)
          << strettoGetLastError(nullptr);
      std::vector<int> group;
      for (int other = 0; other < n; ++other) {
        if (colors[static_cast<std::size_t>(other)] == colors[me]) group.push_back(other);
      }
      std::stable_sort(group.begin(), group.end(), [&](int a, int b) {
        return keys[static_cast<std::size_t>(a)] < keys[static_cast<std::size_t>(b)];
      });
      if (colors[me] < 0) {
        EXPECT_EQ(child, nullptr);
      } else {
        expect_group(child, group, rank);
        EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
      }
    });
    expect_usable(ranks);
  }
}

TEST(Split, OfASplit_InheritsTheSettings) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 70;
  strettoComm_t comms[4] = {};
  ASSERT_EQ(strettoCommInitAllConfig(comms, 4, nullptr, &config), strettoSuccess);
  strettoComm_t grandchildren[4] = {};
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 4; ++rank) {
    threads.emplace_back([rank, comm = comms[rank], &grandchild = grandchildren[rank]] {
      strettoComm_t child = nullptr;
      ASSERT_EQ(strettoCommSplit(comm, 5, -rank, &child, nullptr), strettoSuccess) << strettoGetLastError(nullptr);
      ASSERT_EQ(strettoCommSplit(child, rank % 2, 0, &grandchild, nullptr), strettoSuccess)
          << strettoGetLastError(nullptr);
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::int64_t total = 0;
  EXPECT_EQ(sum(grandchildren[3], 1, total), strettoTimeout) << "rank 1 of the parent does not come";
  for (strettoComm_t comm : grandchildren) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(Split, WithAConfigThatDoesNotBlock_IsInProgress) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.blocking = 0;
    strettoComm_t child = nullptr;
    ASSERT_EQ(strettoCommSplit(comm, 0, 0, &child, &config), strettoInProgress) << strettoGetLastError(nullptr);
    ASSERT_NE(child, nullptr);
    strettoResult_t state = strettoInProgress;
    const steady_clock::time_point limit = steady_clock::now() + std::chrono::seconds(10);
    while (state == strettoInProgress && steady_clock::now() < limit) {
      EXPECT_EQ(strettoCommGetAsyncError(child, &state), strettoSuccess);
      std::this_thread::yield();
    }
    EXPECT_EQ(state, strettoSuccess);
    expect_group(child, {0, 1, 2}, rank);
    EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
  });
}

TEST(Split, RankWithABadArgument_IsNamedToAllAndTheParentStaysUsable) {
  ThreadRanks ranks(3);
  for (const bool bad_config : {true, false}) {
    ranks.run([&](int rank, strettoComm_t comm) {
      strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
      if (rank == 1 && bad_config) config.algorithm = "rings";
      strettoComm_t child = nullptr;
      strettoComm_t* const to = rank == 1 && !bad_config ? nullptr : &child;
      EXPECT_EQ(strettoCommSplit(comm, rank % 2, 0, to, &config),
                rank == 1 ? strettoInvalidArgument : strettoRemoteError);
      EXPECT_EQ(child, nullptr);
      const strettoErrorInfo_t info = error_of(nullptr);
      EXPECT_STREQ(info.field, bad_config ? "algorithm" : "newcomm") << info.text;
      if (rank != 1) {
        EXPECT_EQ(info.peer, 1) << info.text;
        EXPECT_EQ(info.rank, rank);
        EXPECT_NE(std::strstr(info.text, bad_config ? "rings" : "newcomm"), nullptr) << info.text;
      }
    });
  }
  expect_usable(ranks);
}

TEST(Split, LeaderThatCannotListen_IsToldToAllAndTheParentStaysUsable) {
  ThreadRanks ranks(3);
  setenv("STRETTO_BOOTSTRAP_ADDRESS", "192.0.2.1", 1);  // an address for documents: nobody has it
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoComm_t child = nullptr;
    const strettoResult_t result = strettoCommSplit(comm, 0, rank == 2 ? 0 : 1, &child, nullptr);
    EXPECT_EQ(result, rank == 2 ? strettoSystemError : strettoRemoteError) << strettoGetLastError(nullptr);
    if (rank != 2) {
      EXPECT_EQ(error_of(nullptr).peer, 2) << strettoGetLastError(nullptr);
    }
  });
  unsetenv("STRETTO_BOOTSTRAP_ADDRESS");
  expect_usable(ranks);
}

TEST(Split, AgainstAnotherCall_IsADisagreement) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoComm_t child = nullptr;
    std::int64_t total = 0;
    strettoResult_t result = rank == 1 ? sum(comm, 1, total) : strettoCommSplit(comm, 0, 0, &child, nullptr);
    if (result == strettoSuccess) result = sum(comm, 1, total);
    EXPECT_EQ(result, strettoInvalidUsage) << strettoGetLastError(comm);
    EXPECT_EQ(child, nullptr);
    const strettoErrorInfo_t info = error_of(comm);
    EXPECT_STREQ(info.field, "collective") << info.text;
    EXPECT_NE(std::strstr(info.text, "all_gather(count=512, uint8"), nullptr) << info.text;
    EXPECT_NE(std::strstr(info.text, "all_reduce("), nullptr) << info.text;
  });
}

// All ranks but one call it; the parent's abort, by whichever thread, ends the gather on all of them.
TEST(Split, ParentAbortedInTheGather_EndsItEverywhere) {
  ThreadRanks ranks(3);
  std::atomic<int> inside{0};
  std::thread aborter([&] {
    while (inside.load() < 2) std::this_thread::yield();
    EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  });
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 2) return;
    strettoComm_t child = nullptr;
    ++inside;
    EXPECT_EQ(strettoCommSplit(comm, 0, 0, &child, nullptr), rank == 0 ? strettoAborted : strettoRemoteError);
    EXPECT_EQ(child, nullptr);
  });
  aborter.join();
}

// By a thread that knows the child, which it has because set-up does not block.
TEST(Split, ChildAbortedInItsSetUp_IsNamedToItsGroup) {
  for (int round = 0; round < 10; ++round) {
    ThreadRanks ranks(3);
    ranks.run([&](int rank, strettoComm_t comm) {
      strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
      config.blocking = 0;
      strettoComm_t child = nullptr;
      ASSERT_EQ(strettoCommSplit(comm, 0, 0, &child, &config), strettoInProgress);
      if (rank == 2) {
        EXPECT_EQ(strettoCommAbort(child), strettoSuccess);
      }
      strettoResult_t state = strettoInProgress;
      const steady_clock::time_point limit = steady_clock::now() + std::chrono::seconds(10);
      while ((state == strettoInProgress || state == strettoSuccess) && steady_clock::now() < limit) {
        EXPECT_EQ(strettoCommGetAsyncError(child, &state), strettoSuccess);
        std::this_thread::yield();
      }
      EXPECT_EQ(state, rank == 2 ? strettoAborted : strettoRemoteError) << strettoGetLastError(child);
      if (rank != 2) {
        EXPECT_EQ(error_of(child).peer, 2) << error_of(child).text;
      }
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    });
    expect_usable(ranks);
  }
}

TEST(Split, AfterFinalize_IsRefused) {
  ThreadRanks ranks(1);
  strettoComm_t child = nullptr;
  EXPECT_EQ(strettoCommFinalize(ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(strettoCommSplit(ranks.comm(0), 0, 0, &child, nullptr), strettoInvalidUsage);
  EXPECT_STREQ(error_of(nullptr).field, "comm");
}

}  // namespace
}  // namespace stretto
