// Ranks that name different roots: in whichever collective, however many, every one is told, though no message need
// pass between them; and a root that is merely late is no reason to tell anyone anything.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "support/roots.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

class RootsDisagree : public testing::TestWithParam<int> {};

/// What holds for every rank's error, however it was found.
void expect_named(const strettoErrorInfo_t& info, int rank) {
  EXPECT_EQ(info.rank, rank);
  EXPECT_GE(info.peer, 0) << info.text;
  EXPECT_NE(info.peer, rank) << info.text;
  EXPECT_GT(std::strlen(info.host), 0U) << info.text;
  EXPECT_NE(std::strstr(info.text, "the ranks disagree"), nullptr) << info.text;
  EXPECT_STREQ(info.field, "root") << info.text;
  const char* const first = std::strstr(info.text, "root=");
  EXPECT_TRUE(first != nullptr && std::strstr(first + 1, "root=") != nullptr) << info.text;
}

TEST_P(RootsDisagree, EveryRank_GetsInvalidUsageSoon) {
  const int n = GetParam();
  for (const Rooted collective : kRooted) {
    for (const Roots roots : kRoots) {
      SCOPED_TRACE(std::string(name_of(collective)) + ", roots " + std::to_string(static_cast<int>(roots)));
      ThreadRanks ranks(n);
      ranks.run([&](int rank, strettoComm_t comm) {
        int n_calls = 0;
        const strettoResult_t result = call_until_told(collective, root_of(roots, rank, n), n, comm, &n_calls);
        EXPECT_EQ(result, strettoInvalidUsage) << "rank " << rank << " after " << n_calls << " calls";
        expect_named(error_of(comm), rank);
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, RootsDisagree, testing::Values(2, 3, 5, 8));

// All say that they wait, and all in the same call.
TEST(Roots, LateRoot_RaisesNoAlarm) {
  for (const Rooted collective : kRooted) {
    ThreadRanks ranks(3);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
      EXPECT_EQ(call_rooted(collective, 1, 3, comm), strettoSuccess) << strettoGetLastError(comm);
      EXPECT_EQ(strettoBarrier(comm, nullptr), strettoSuccess) << strettoGetLastError(comm);
    });
  }
}

// Each has its own counts: its word must not seem another call than the others'.
TEST(Roots, LateRankOfAnAllToAllOfUnequalBlocks_RaisesNoAlarm) {
  ThreadRanks ranks(3);
  ranks.run([](int rank, strettoComm_t comm) {
    std::vector<float> in(9, static_cast<float>(rank)), out(9);
    std::vector<std::size_t> sent, received, places{0, 3, 6};
    for (std::size_t peer = 0; peer < 3; ++peer) {
      sent.push_back(rank == 0 ? peer + 1 : 1);
      received.push_back(peer == 0 ? static_cast<std::size_t>(rank) + 1 : 1);
    }
    if (rank == 1) std::this_thread::sleep_for(std::chrono::milliseconds(2500));
    EXPECT_EQ(strettoAllToAllV(in.data(), sent.data(), places.data(), out.data(), received.data(), places.data(),
                               strettoFloat32, comm, nullptr),
              strettoSuccess)
        << strettoGetLastError(comm);
    EXPECT_EQ(strettoBarrier(comm, nullptr), strettoSuccess) << strettoGetLastError(comm);
  });
}

// Ranks 1 and 2 have sent what rank 0 waits for to each other, and call nothing more.
TEST(Roots, OthersAreDoneAndCallNothing_WhoWaitsIsTold) {
  ThreadRanks ranks(3);
  ranks.run([](int rank, strettoComm_t comm) {
    constexpr int roots[] = {0, 2, 1};
    const strettoResult_t result = call_rooted(Rooted::gather, roots[rank], 3, comm);
    if (rank != 0 && result == strettoSuccess) {
      strettoResult_t heard = strettoSuccess;
      while (heard == strettoSuccess) {
        std::this_thread::yield();
        ASSERT_EQ(strettoCommGetAsyncError(comm, &heard), strettoSuccess);
      }
      EXPECT_EQ(heard, strettoInvalidUsage);
    } else {
      EXPECT_EQ(result, strettoInvalidUsage);
    }
    expect_named(error_of(comm), rank);
  });
}

TEST(Roots, InStreams_EveryRankIsTold) {
  ThreadRanks ranks(3);
  ranks.run([](int rank, strettoComm_t comm) {
    strettoStream_t stream = nullptr;
    ASSERT_EQ(strettoStreamCreate(&stream), strettoSuccess);
    std::vector<float> values(8);
    EXPECT_EQ(strettoBroadcast(values.data(), values.data(), 8, strettoFloat32, (rank + 1) % 3, comm, stream),
              strettoSuccess);
    const strettoResult_t result = strettoStreamSynchronize(stream);
    EXPECT_EQ(result, strettoInvalidUsage) << strettoGetLastError(comm);
    expect_named(error_of(comm), rank);
    EXPECT_EQ(strettoStreamDestroy(stream), strettoSuccess);
  });
}

}  // namespace
}  // namespace stretto
