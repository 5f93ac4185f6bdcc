// Communicators of libnccl.so.2 that do not block: splits, shrinks and finalizing that go on while the program does
// other things. One thread drives all ranks: what blocked would stop it.
#include <array>
#include <optional>

#include "nonblocking.hpp"
#include "support/leak_check.hpp"

namespace stretto {
namespace {

using nccl_test::expect_sum;
using nccl_test::in_threads;
using nccl_test::last_text_has;
using nccl_test::look_at;
using nccl_test::nccl;
using nccl_test::NonBlockingRanks;
using nccl_test::Ranks;
using nccl_test::settle;
using nccl_test::state_of;
using nccl_test::Variable;
using nccl_test::with_blocking;

/// A handle that a call must not leave as it is.
ncclComm_t no_handle() { return reinterpret_cast<ncclComm_t>(std::uintptr_t{8}); }

using Parts = std::array<ncclComm_t, 4>;

void destroy(const Parts& parts, int n) {
  in_threads(n, [&](int i) { EXPECT_NCCL(nccl().CommDestroy(parts[static_cast<std::size_t>(i)])); });
}

TEST(NcclNonBlockingSplit, OneRankAfterTheOther_EachReturnsAtOnce) {
  NonBlockingRanks ranks(3);
  Parts parts{no_handle(), no_handle(), no_handle()};
  for (int rank = 0; rank < 3; ++rank) {
    const int color = rank == 1 ? NCCL_SPLIT_NOCOLOR : 0;
    ncclComm_t* const part = &parts[static_cast<std::size_t>(rank)];
    ASSERT_EQ(nccl().CommSplit(ranks[rank], color, -rank, part, nullptr), ncclInProgress);
    if (rank == 2) break;
    EXPECT_EQ(look_at(*part), nullptr) << "until it is done";
    EXPECT_EQ(state_of(ranks[rank]), ncclInProgress);
  }
  for (int rank = 0; rank < 3; ++rank) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  EXPECT_EQ(parts[1], nullptr);
  in_threads(3, [&](int rank) {
    expect_sum(ranks[rank], rank, 3);
    if (rank == 1) return;
    ncclComm_t const part = parts[static_cast<std::size_t>(rank)];
    EXPECT_EQ(state_of(part), ncclSuccess);
    int place = -1;
    EXPECT_NCCL(nccl().CommUserRank(part, &place));
    EXPECT_EQ(place, rank == 0 ? 1 : 0);
    expect_sum(part, rank, 2);
    EXPECT_NCCL(nccl().CommDestroy(part));
  });
}

TEST(NcclNonBlockingSplit, InAGroup_ItsEndIsInProgress) {
  NonBlockingRanks ranks(4);
  Parts parts{no_handle(), no_handle(), no_handle(), no_handle()};
  Parts pairs{};
  ASSERT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < 4; ++rank) {
    const auto i = static_cast<std::size_t>(rank);
    ASSERT_NCCL(nccl().CommSplit(ranks[rank], rank / 2, rank, &parts[i], nullptr));
    ASSERT_NCCL(nccl().CommSplit(ranks[rank], rank % 2, rank, &pairs[i], nullptr));
    EXPECT_EQ(parts[i], nullptr);
  }
  EXPECT_EQ(nccl().GroupEnd(), ncclInProgress);
  for (int rank = 0; rank < 4; ++rank) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  in_threads(4, [&](int rank) {
    expect_sum(parts[static_cast<std::size_t>(rank)], rank, rank < 2 ? 1 : 5);
    expect_sum(pairs[static_cast<std::size_t>(rank)], rank, rank % 2 == 0 ? 2 : 4);
  });
  destroy(parts, 4);
  destroy(pairs, 4);
}

TEST(NcclNonBlockingSplit, GroupWithRanksThatBlock_BeginsTheOthersFirst) {
  NonBlockingRanks calm(1);
  const Ranks ranks(2);
  Parts parts{};
  ASSERT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < 2; ++rank) {
    ASSERT_NCCL(nccl().CommSplit(ranks.comm(rank), 0, rank, &parts[static_cast<std::size_t>(rank)], nullptr));
  }
  ASSERT_NCCL(nccl().CommSplit(calm[0], 0, 0, &parts[2], nullptr));
  EXPECT_EQ(nccl().GroupEnd(), ncclInProgress);
  EXPECT_NE(parts[0], nullptr);
  EXPECT_NE(parts[1], nullptr);
  EXPECT_EQ(settle(calm[0]), ncclSuccess);
  EXPECT_NE(parts[2], nullptr);
  destroy(parts, 3);
}

/// Whether a communicator blocks shows by what its finalizing returns.
void expect_blocking(const Parts& parts, bool blocks) {
  in_threads(2, [&](int rank) {
    ncclComm_t const part = parts[static_cast<std::size_t>(rank)];
    EXPECT_EQ(nccl().CommFinalize(part), blocks ? ncclSuccess : ncclInProgress);
    EXPECT_EQ(settle(part), ncclSuccess);
  });
}

TEST(NcclNonBlockingSplit, Parent_SaysWhetherTheCallBlocksAndTheConfigWhetherThePartDoes) {
  const Ranks blocking(2);
  NonBlockingRanks calm(2);
  ncclConfig_t to_block = with_blocking(1);
  ncclConfig_t not_to_block = with_blocking(0);
  Parts parts{};
  in_threads(2, [&](int rank) {
    ncclComm_t* const part = &parts[static_cast<std::size_t>(rank)];
    ASSERT_NCCL(nccl().CommSplit(blocking.comm(rank), 0, rank, part, &not_to_block));
    EXPECT_EQ(state_of(*part), ncclSuccess);
  });
  expect_blocking(parts, false);
  destroy(parts, 2);
  for (int rank = 0; rank < 2; ++rank) {
    ncclComm_t* const part = &parts[static_cast<std::size_t>(rank)];
    ASSERT_EQ(nccl().CommSplit(calm[rank], 0, rank, part, &to_block), ncclInProgress);
  }
  for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(settle(calm[rank]), ncclSuccess);
  Parts copies{};
  in_threads(2, [&](int rank) {
    const auto i = static_cast<std::size_t>(rank);
    ASSERT_NCCL(nccl().CommSplit(parts[i], 0, rank, &copies[i], nullptr));
    ASSERT_NE(copies[i], nullptr);
  });
  expect_blocking(copies, true);
  expect_blocking(parts, true);
  destroy(copies, 2);
  destroy(parts, 2);
}

TEST(NcclNonBlockingSplit, WhileUnderWay_OtherCallsAreRefusedAndGettersAnswer) {
  NonBlockingRanks ranks(2);
  const Ranks other(1);
  Parts parts{};
  ASSERT_EQ(nccl().CommSplit(ranks[0], 0, 0, &parts[0], nullptr), ncclInProgress);
  std::int64_t value = 1;
  std::int64_t result = -1;
  EXPECT_EQ(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, ranks[0], nullptr), ncclInvalidUsage);
  EXPECT_TRUE(last_text_has("still under way")) << nccl().GetLastError(nullptr);
  ncclComm_t none = no_handle();
  EXPECT_EQ(nccl().CommSplit(ranks[0], 0, 0, &none, nullptr), ncclInvalidUsage);
  EXPECT_EQ(nccl().CommShrink(ranks[0], nullptr, 0, &none, nullptr, NCCL_SHRINK_DEFAULT), ncclInvalidUsage);
  EXPECT_EQ(none, no_handle());
  EXPECT_EQ(nccl().CommFinalize(ranks[0]), ncclInvalidUsage);
  ASSERT_NCCL(nccl().GroupStart());
  EXPECT_NCCL(nccl().AllReduce(&value, &result, 1, ncclInt64, ncclSum, other.comm(0), nullptr));
  EXPECT_EQ(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, ranks[0], nullptr), ncclInvalidUsage);
  EXPECT_EQ(nccl().GroupEnd(), ncclInvalidUsage);
  EXPECT_EQ(result, -1) << "the group is spoilt";
  int count = 0;
  EXPECT_NCCL(nccl().CommCount(ranks[0], &count));
  EXPECT_EQ(count, 2);
  EXPECT_EQ(state_of(ranks[0]), ncclInProgress);
  ASSERT_EQ(nccl().CommSplit(ranks[1], 0, 1, &parts[1], nullptr), ncclInProgress);
  for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(settle(ranks[rank]), ncclSuccess);
  in_threads(2, [&](int rank) { expect_sum(parts[static_cast<std::size_t>(rank)], rank, 1); });
  destroy(parts, 2);
}

TEST(NcclNonBlockingSplit, RefusedRank_IsToldAtOnceAndTheOthersLater) {
  NonBlockingRanks ranks(2);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.minCTAs = -5;
  ncclComm_t part = nullptr;
  ncclComm_t refused = no_handle();
  ASSERT_EQ(nccl().CommSplit(ranks[1], 0, 1, &part, nullptr), ncclInProgress);
  EXPECT_EQ(nccl().CommSplit(ranks[0], 0, 0, &refused, &config), ncclInvalidArgument);
  EXPECT_TRUE(last_text_has("minCTAs")) << nccl().GetLastError(nullptr);
  EXPECT_EQ(settle(ranks[1]), ncclRemoteError);
  EXPECT_TRUE(last_text_has("cannot take part")) << nccl().GetLastError(nullptr);
  EXPECT_EQ(settle(ranks[0]), ncclSuccess) << "it has been told";
  EXPECT_EQ(nccl().CommSplit(ranks[0], 0, 0, nullptr, nullptr), ncclInvalidArgument);
  EXPECT_TRUE(last_text_has("newcomm is NULL")) << nccl().GetLastError(nullptr);
  ASSERT_EQ(nccl().CommSplit(ranks[1], 0, 1, &part, nullptr), ncclInProgress) << "the communicator itself goes on";
  EXPECT_EQ(settle(ranks[1]), ncclRemoteError);
  EXPECT_EQ(settle(ranks[0]), ncclSuccess);
  EXPECT_EQ(part, nullptr);
  EXPECT_EQ(refused, nullptr);
  in_threads(2, [&](int rank) { expect_sum(ranks[rank], 1, 2); });
}

TEST(NcclNonBlockingSplit, InAGroupThatFails_IsRefusedAndTheOthersAreTold) {
  NonBlockingRanks ranks(2);
  ncclComm_t part = nullptr;
  ncclComm_t other = nullptr;
  std::int64_t value = 1;
  ASSERT_NCCL(nccl().GroupStart());
  ASSERT_NCCL(nccl().CommSplit(ranks[0], 0, 0, &part, nullptr));
  EXPECT_EQ(nccl().AllReduce(&value, nullptr, 1, ncclInt64, ncclSum, ranks[0], nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().GroupEnd(), ncclInvalidArgument);
  ASSERT_EQ(nccl().CommSplit(ranks[1], 0, 1, &other, nullptr), ncclInProgress);
  EXPECT_EQ(settle(ranks[1]), ncclRemoteError);
  EXPECT_EQ(settle(ranks[0]), ncclSuccess);
  EXPECT_EQ(part, nullptr);
  EXPECT_EQ(other, nullptr);
}

TEST(NcclNonBlockingSplit, RankThatNeverComes_IsTheDeadlinesError) {
  std::optional<NonBlockingRanks> ranks;
  {
    const Variable deadline("STRETTO_DATA_TIMEOUT_MS", "300");
    ranks.emplace(2);
  }
  ncclComm_t part = nullptr;
  ASSERT_EQ(nccl().CommSplit((*ranks)[0], 0, 0, &part, nullptr), ncclInProgress);
  EXPECT_EQ(settle((*ranks)[0]), ncclTimeout);
  EXPECT_TRUE(last_text_has("rank 1")) << nccl().GetLastError(nullptr);
  EXPECT_EQ(part, nullptr);
}

TEST(NcclNonBlockingSplit, RankThatAborts_IsARemoteError) {
  NonBlockingRanks ranks(2);
  ncclComm_t part = nullptr;
  ASSERT_EQ(nccl().CommSplit(ranks[0], 0, 0, &part, nullptr), ncclInProgress);
  EXPECT_NCCL(nccl().CommAbort(ranks->release(1)));
  EXPECT_EQ(settle(ranks[0]), ncclRemoteError);
  EXPECT_TRUE(last_text_has("abort")) << nccl().GetLastError(nullptr);
  EXPECT_EQ(part, nullptr);
}

TEST(NcclNonBlockingSplit, AbortOrDestroyOrRevokeWhileUnderWay_EndsIt) {
  for (const int way : {0, 1, 2}) {
    NonBlockingRanks ranks(2);
    ncclComm_t part = no_handle();
    ASSERT_EQ(nccl().CommSplit(ranks[0], 0, 0, &part, nullptr), ncclInProgress);
    if (way == 0) {
      EXPECT_NCCL(nccl().CommAbort(ranks->release(0)));
    }
    if (way == 1) {
      EXPECT_NCCL(nccl().CommDestroy(ranks->release(0)));
    }
    if (way == 2) {
      EXPECT_NCCL(nccl().CommRevoke(ranks[0], NCCL_REVOKE_DEFAULT));
      EXPECT_EQ(state_of(ranks[0]), ncclSuccess) << "it is quiet";
    }
    EXPECT_EQ(part, nullptr);
    ncclComm_t other = nullptr;
    const ncclResult_t call = nccl().CommSplit(ranks[1], 0, 0, &other, nullptr);
    EXPECT_TRUE(call == ncclInProgress || call == ncclRemoteError) << call;
    EXPECT_EQ(settle(ranks[1]), ncclRemoteError);
    EXPECT_EQ(other, nullptr);
  }
}

/// Wherever it stands: the handle is given out, or not.
TEST(NcclNonBlockingSplit, AbortAtAnyMoment_LeavesAHandleOrNone) {
  testing::allow_leaks_in_this_test("a rendezvous that a rank came to stays until its deadline, to tell the others");
  for (int round = 0; round < 20; ++round) {
    NonBlockingRanks ranks(2);
    Parts parts{};
    for (int rank = 0; rank < 2; ++rank) {
      ncclComm_t* const part = &parts[static_cast<std::size_t>(rank)];
      ASSERT_EQ(nccl().CommSplit(ranks[rank], 0, rank, part, nullptr), ncclInProgress);
    }
    for (int turn = 0; turn < round; ++turn) static_cast<void>(state_of(ranks[0]));
    in_threads(2, [&](int rank) { EXPECT_NCCL(nccl().CommAbort(ranks->release(rank))); });
    for (ncclComm_t const part : parts) {
      if (part != nullptr) {
        EXPECT_NCCL(nccl().CommAbort(part));
      }
    }
  }
}

}  // namespace
}  // namespace stretto
