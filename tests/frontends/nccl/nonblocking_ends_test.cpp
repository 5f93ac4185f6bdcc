// Communicators of libnccl.so.2 that do not block: shrinks and finalizing that go on while the program does other
// things, and what ends them. One thread drives all ranks: what blocked would stop it.
#include <array>
#include <chrono>
#include <optional>

#include "nonblocking.hpp"

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
using nccl_test::Stream;
using nccl_test::Variable;

ncclResult_t shrink_without(int excluded, ncclComm_t comm, ncclComm_t* rest, int flags) {
  std::vector<int> exclude = {excluded};  // gone when the call has returned
  return nccl().CommShrink(comm, exclude.data(), 1, rest, nullptr, flags);
}

ncclResult_t sum(std::int64_t& value, ncclComm_t comm, const Stream& stream) {
  return nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, stream.get());
}

TEST(NcclNonBlockingShrink, OneRankAfterTheOther_EachReturnsAtOnce) {
  NonBlockingRanks ranks(3);
  std::array<ncclComm_t, 2> rest{};
  ASSERT_EQ(shrink_without(1, ranks[0], &rest[0], NCCL_SHRINK_DEFAULT), ncclInProgress);
  EXPECT_EQ(look_at(rest[0]), nullptr);
  EXPECT_EQ(state_of(ranks[0]), ncclInProgress);
  ASSERT_EQ(shrink_without(1, ranks[2], &rest[1], NCCL_SHRINK_DEFAULT), ncclInProgress);
  for (const int rank : {0, 2}) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  in_threads(2, [&](int i) {
    ncclComm_t const mine = rest[static_cast<std::size_t>(i)];
    expect_sum(mine, i, 1);
    EXPECT_EQ(nccl().CommFinalize(mine), ncclInProgress) << "the parent's setting is the part's";
    EXPECT_EQ(settle(mine), ncclSuccess);
    EXPECT_NCCL(nccl().CommDestroy(mine));
  });
  in_threads(3, [&](int rank) { expect_sum(ranks[rank], 1, 3); });
}

TEST(NcclNonBlockingShrink, InAGroup_ItsEndIsInProgress) {
  NonBlockingRanks ranks(3);
  std::array<ncclComm_t, 2> rest{};
  ASSERT_NCCL(nccl().GroupStart());
  for (const int rank : {0, 1}) {
    ASSERT_NCCL(shrink_without(2, ranks[rank], &rest[static_cast<std::size_t>(rank)], NCCL_SHRINK_DEFAULT));
  }
  EXPECT_EQ(nccl().GroupEnd(), ncclInProgress);
  for (const int rank : {0, 1}) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  in_threads(2, [&](int i) {
    expect_sum(rest[static_cast<std::size_t>(i)], 1, 2);
    EXPECT_NCCL(nccl().CommDestroy(rest[static_cast<std::size_t>(i)]));
  });
}

TEST(NcclNonBlockingShrink, OfRanksThatBlockInAGroup_IsCompleteAtItsEnd) {
  const Ranks ranks(2);
  ncclConfig_t config = nccl_test::with_blocking(0);
  std::array<ncclComm_t, 2> all{};
  ASSERT_NCCL(nccl().GroupStart());
  for (const int rank : {0, 1}) {
    ncclComm_t* const mine = &all[static_cast<std::size_t>(rank)];
    ASSERT_NCCL(nccl().CommShrink(ranks.comm(rank), nullptr, 0, mine, &config, NCCL_SHRINK_DEFAULT));
  }
  ASSERT_NCCL(nccl().GroupEnd());
  in_threads(2, [&](int i) {
    ncclComm_t const mine = all[static_cast<std::size_t>(i)];
    expect_sum(mine, 1, 2);
    EXPECT_EQ(nccl().CommFinalize(mine), ncclInProgress);
    EXPECT_EQ(settle(mine), ncclSuccess);
    EXPECT_NCCL(nccl().CommDestroy(mine));
  });
}

TEST(NcclNonBlockingShrink, WithAbort_EndsASplitAndLeavesTheParentQuiet) {
  NonBlockingRanks ranks(3);
  std::array<ncclComm_t, 2> rest{};
  ncclComm_t part = nullptr;
  for (const int rank : {0, 1}) {  // rank 2 never does
    ASSERT_EQ(nccl().CommSplit(ranks[rank], 0, rank, &part, nullptr), ncclInProgress);
  }
  for (const int rank : {0, 1}) {
    ncclComm_t* const mine = &rest[static_cast<std::size_t>(rank)];
    ASSERT_EQ(shrink_without(2, ranks[rank], mine, NCCL_SHRINK_ABORT), ncclInProgress);
  }
  for (const int rank : {0, 1}) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  EXPECT_EQ(part, nullptr);
  in_threads(2, [&](int i) {
    expect_sum(rest[static_cast<std::size_t>(i)], 1, 2);
    EXPECT_NCCL(nccl().CommDestroy(rest[static_cast<std::size_t>(i)]));
  });
}

TEST(NcclNonBlockingShrink, OfAParentWithAFault_LeavesTheFaultBehind) {
  NonBlockingRanks ranks(3);
  EXPECT_NCCL(nccl().CommAbort(ranks->release(2)));
  std::array<ncclComm_t, 2> rest{};
  in_threads(2, [&](int rank) {
    std::int64_t value = 1;
    EXPECT_EQ(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, ranks[rank], nullptr), ncclRemoteError);
    EXPECT_EQ(state_of(ranks[rank]), ncclRemoteError);
    ncclComm_t* const mine = &rest[static_cast<std::size_t>(rank)];
    ASSERT_EQ(shrink_without(2, ranks[rank], mine, NCCL_SHRINK_DEFAULT), ncclInProgress);
    EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
    expect_sum(*mine, 1, 2);
    EXPECT_NCCL(nccl().CommDestroy(*mine));
  });
}

TEST(NcclNonBlockingShrink, RankThatNeverComes_IsTheDeadlinesError) {
  std::optional<NonBlockingRanks> ranks;
  {
    const Variable deadline("STRETTO_SETUP_TIMEOUT_MS", "500");
    ranks.emplace(2);
  }
  ncclComm_t rest = nullptr;
  ASSERT_EQ(nccl().CommShrink((*ranks)[0], nullptr, 0, &rest, nullptr, NCCL_SHRINK_DEFAULT), ncclInProgress);
  EXPECT_EQ(settle((*ranks)[0]), ncclTimeout);
  EXPECT_TRUE(last_text_has("deadline")) << nccl().GetLastError(nullptr);
  EXPECT_EQ(rest, nullptr);
}

TEST(NcclNonBlockingShrink, AbortOrDestroyWhileUnderWay_EndsItSoon) {
  ncclConfig_t to_block = nccl_test::with_blocking(1);
  for (const int way : {0, 1}) {
    NonBlockingRanks ranks(2);
    ncclComm_t rest = nullptr;
    ncclConfig_t* const config = way == 0 ? &to_block : nullptr;
    ASSERT_EQ(nccl().CommShrink(ranks[way], nullptr, 0, &rest, config, NCCL_SHRINK_DEFAULT), ncclInProgress);
    // Both would take until the deadline, 30 s, if they waited for the other rank.
    const auto start = std::chrono::steady_clock::now();
    if (way == 0) {
      EXPECT_NCCL(nccl().CommAbort(ranks->release(way)));
    }
    if (way == 1) {
      EXPECT_NCCL(nccl().CommDestroy(ranks->release(way)));
    }
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
    EXPECT_EQ(rest, nullptr);
  }
}

TEST(NcclNonBlockingFinalize, WithWorkUnderWay_IsInProgressUntilItEnds) {
  NonBlockingRanks ranks(2);
  const Stream streams[2];
  std::int64_t values[2] = {1, 2};
  ASSERT_NCCL(sum(values[0], ranks[0], streams[0]));
  ASSERT_EQ(nccl().CommFinalize(ranks[0]), ncclInProgress);
  EXPECT_EQ(state_of(ranks[0]), ncclInProgress);
  std::int64_t more = 0;
  EXPECT_EQ(sum(more, ranks[0], streams[0]), ncclInvalidUsage);
  EXPECT_EQ(nccl().CommFinalize(ranks[0]), ncclInvalidUsage) << "it is under way";
  ASSERT_NCCL(sum(values[1], ranks[1], streams[1]));
  ASSERT_EQ(nccl().CommFinalize(ranks[1]), ncclInProgress);
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
    streams[rank].synchronize();
    EXPECT_EQ(values[rank], 3);
    EXPECT_EQ(sum(more, ranks[rank], streams[rank]), ncclInvalidUsage) << "it is finalized";
    EXPECT_EQ(nccl().CommFinalize(ranks[rank]), ncclInProgress);
    EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << "again: nothing";
  }
}

TEST(NcclNonBlockingFinalize, InAGroup_BeginsBehindItsOtherCalls) {
  NonBlockingRanks ranks(2);
  const Stream streams[2];
  std::int64_t values[2] = {1, 2};
  ASSERT_NCCL(nccl().GroupStart());
  for (const int rank : {0, 1}) {
    EXPECT_NCCL(sum(values[rank], ranks[rank], streams[rank]));
    EXPECT_NCCL(nccl().CommFinalize(ranks[rank]));
  }
  EXPECT_EQ(nccl().GroupEnd(), ncclInProgress);
  for (const int rank : {0, 1}) EXPECT_EQ(settle(ranks[rank]), ncclSuccess) << nccl().GetLastError(nullptr);
  for (const int rank : {0, 1}) EXPECT_EQ(values[rank], 3);
}

TEST(NcclNonBlockingFinalize, EndedBySeveralThreadsAtOnce_EndsOnce) {
  for (int i = 0; i < 20; ++i) {
    NonBlockingRanks ranks(2);
    ncclComm_t part = nullptr;
    ASSERT_EQ(nccl().CommSplit(ranks[0], 0, 0, &part, nullptr), ncclInProgress);  // rank 1 never does
    in_threads(3, [&](int) { EXPECT_NCCL(nccl().CommRevoke(ranks[0], NCCL_REVOKE_DEFAULT)); });
    EXPECT_NE(state_of(ranks[0]), ncclInProgress);
    EXPECT_EQ(part, nullptr);
  }
}

TEST(NcclNonBlockingFinalize, DestroyMeanwhile_AwaitsIt) {
  NonBlockingRanks ranks(2);
  const Stream streams[2];
  std::int64_t values[2] = {1, 2};
  ASSERT_NCCL(sum(values[0], ranks[0], streams[0]));
  ASSERT_EQ(nccl().CommFinalize(ranks[0]), ncclInProgress);
  std::thread other([&] { ASSERT_NCCL(sum(values[1], ranks[1], streams[1])); });
  EXPECT_NCCL(nccl().CommDestroy(ranks->release(0)));
  other.join();
  for (int rank = 0; rank < 2; ++rank) {
    streams[rank].synchronize();
    EXPECT_EQ(values[rank], 3);
  }
}

TEST(NcclNonBlockingFinalize, AbortMeanwhile_EndsIt) {
  NonBlockingRanks ranks(2);
  const Stream stream;
  std::int64_t value = 1;
  ASSERT_NCCL(sum(value, ranks[0], stream));  // rank 1's never comes
  ASSERT_EQ(nccl().CommFinalize(ranks[0]), ncclInProgress);
  EXPECT_EQ(state_of(ranks[0]), ncclInProgress);
  EXPECT_NCCL(nccl().CommAbort(ranks->release(0)));
  EXPECT_EQ(nccl().StreamSynchronize(stream.get()), strettoAborted);
}

TEST(NcclNonBlockingFinalize, OfWorkThatNeverEnds_IsTheDeadlinesError) {
  std::optional<NonBlockingRanks> ranks;
  {
    const Variable deadline("STRETTO_DATA_TIMEOUT_MS", "300");
    ranks.emplace(2);
  }
  const Stream stream;
  std::int64_t value = 1;
  ASSERT_NCCL(sum(value, (*ranks)[0], stream));
  ASSERT_EQ(nccl().CommFinalize((*ranks)[0]), ncclInProgress);
  EXPECT_EQ(settle((*ranks)[0]), ncclTimeout);
  EXPECT_TRUE(last_text_has("all_reduce")) << nccl().GetLastError(nullptr);
}

TEST(NcclNonBlockingFinalize, DuringSetUp_IsRefusedAtOnce) {
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  ncclConfig_t config = nccl_test::with_blocking(0);
  std::array<ncclComm_t, 2> comms{};
  ASSERT_EQ(nccl().CommInitRankConfig(&comms[0], 2, id, 0, &config), ncclInProgress);
  ncclComm_t part = nullptr;
  EXPECT_EQ(nccl().CommFinalize(comms[0]), ncclInvalidUsage);
  EXPECT_EQ(nccl().CommSplit(comms[0], 0, 0, &part, nullptr), ncclInvalidUsage);
  EXPECT_EQ(nccl().CommShrink(comms[0], nullptr, 0, &part, nullptr, NCCL_SHRINK_DEFAULT), ncclInvalidUsage);
  EXPECT_TRUE(last_text_has("set-up is still under way")) << nccl().GetLastError(nullptr);
  ASSERT_EQ(nccl().CommInitRankConfig(&comms[1], 2, id, 1, &config), ncclInProgress);
  for (ncclComm_t const comm : comms) EXPECT_EQ(settle(comm), ncclSuccess);
  in_threads(2, [&](int rank) { EXPECT_NCCL(nccl().CommDestroy(comms[static_cast<std::size_t>(rank)])); });
}

}  // namespace
}  // namespace stretto
