// Communicators of libnccl.so.2 made of others, and their ends: split, shrink, abort, revoke.
#include <array>
#include <atomic>
#include <barrier>
#include <cstring>

#include "library.hpp"

namespace stretto {
namespace {

using nccl_test::expect_sum;
using nccl_test::in_threads;
using nccl_test::nccl;
using nccl_test::Ranks;
using nccl_test::Stream;

TEST(NcclSplit, Colors_MakeCommunicatorsAndNoColorNone) {
  const Ranks ranks(5);
  ranks.run([](int rank, ncclComm_t comm) {
    ncclComm_t part = reinterpret_cast<ncclComm_t>(&rank);
    const int color = rank == 4 ? NCCL_SPLIT_NOCOLOR : rank % 2;
    ASSERT_NCCL(nccl().CommSplit(comm, color, -rank, &part, nullptr));
    if (rank == 4) {
      EXPECT_EQ(part, nullptr);
    } else {
      int place = -1;
      EXPECT_NCCL(nccl().CommUserRank(part, &place));
      EXPECT_EQ(place, rank < 2 ? 1 : 0) << "keys order";
      expect_sum(part, rank, rank % 2 == 0 ? 2 : 4);
      EXPECT_NCCL(nccl().CommDestroy(part));
    }
    expect_sum(comm, 1, 5);
  });
}

TEST(NcclSplit, InAGroup_OneThreadSplitsAllRanks) {
  const Ranks ranks(4);
  std::array<ncclComm_t, 4> parts{};
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.commName = "parts";
  ASSERT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < 4; ++rank) {
    ASSERT_NCCL(nccl().CommSplit(ranks.comm(rank), rank / 2, rank, &parts[static_cast<std::size_t>(rank)],
                                 rank % 2 == 0 ? &config : nullptr));
  }
  ASSERT_NCCL(nccl().GroupEnd());
  in_threads(4, [&](int rank) {
    ncclComm_t const part = parts[static_cast<std::size_t>(rank)];
    expect_sum(part, rank, rank < 2 ? 1 : 5);
    EXPECT_NCCL(nccl().CommDestroy(part));
  });
}

TEST(NcclSplit, OfOneCommunicatorTwiceInAGroup_GoInOrder) {
  const Ranks ranks(4);
  ranks.run([](int rank, ncclComm_t comm) {
    ncclComm_t halves = nullptr;
    ncclComm_t pairs = nullptr;
    ASSERT_NCCL(nccl().GroupStart());
    ASSERT_NCCL(nccl().CommSplit(comm, rank / 2, rank, &halves, nullptr));
    ASSERT_NCCL(nccl().CommSplit(comm, rank % 2, rank, &pairs, nullptr));
    ASSERT_NCCL(nccl().GroupEnd());
    expect_sum(halves, rank, rank < 2 ? 1 : 5);
    expect_sum(pairs, rank, rank % 2 == 0 ? 2 : 4);
    EXPECT_NCCL(nccl().CommDestroy(halves));
    EXPECT_NCCL(nccl().CommDestroy(pairs));
  });
}

TEST(NcclSplit, InAGroupThatFails_IsRefusedAndTheOthersAreTold) {
  const Ranks ranks(2);
  ranks.run([](int rank, ncclComm_t comm) {
    ncclComm_t part = nullptr;
    std::int64_t value = 1;
    ASSERT_NCCL(nccl().GroupStart());
    ASSERT_NCCL(nccl().CommSplit(comm, 0, rank, &part, nullptr));
    if (rank == 0) {
      EXPECT_EQ(nccl().AllReduce(&value, nullptr, 1, ncclInt64, ncclSum, comm, nullptr), ncclInvalidArgument);
    }
    EXPECT_EQ(nccl().GroupEnd(), rank == 0 ? ncclInvalidArgument : ncclRemoteError);
    EXPECT_EQ(part, nullptr);
    expect_sum(comm, 1, 2);
  });
}

TEST(NcclSplit, RefusedRank_TellsTheOthers) {
  const Ranks ranks(2);
  ranks.run([](int rank, ncclComm_t comm) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    if (rank == 0) config.minCTAs = -5;
    ncclComm_t part = nullptr;
    EXPECT_EQ(nccl().CommSplit(comm, 0, 0, &part, &config), rank == 0 ? ncclInvalidArgument : ncclRemoteError);
    if (rank == 0) {
      EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "minCTAs"), nullptr);
    }
    EXPECT_EQ(nccl().CommSplit(comm, rank == 0 ? -2 : 0, 0, &part, nullptr),
              rank == 0 ? ncclInvalidArgument : ncclRemoteError);
    EXPECT_EQ(part, nullptr);
    expect_sum(comm, 1, 2);
  });
}

TEST(NcclShrink, WithoutTheExcluded_KeepsTheOrder) {
  const Ranks ranks(4);
  ranks.run([](int rank, ncclComm_t comm) {
    if (rank == 1) return;
    int exclude[] = {1};
    ncclComm_t rest = nullptr;
    EXPECT_EQ(nccl().CommShrink(comm, exclude, -1, &rest, nullptr, NCCL_SHRINK_DEFAULT), ncclInvalidArgument);
    ASSERT_NCCL(nccl().CommShrink(comm, exclude, 1, &rest, nullptr, NCCL_SHRINK_DEFAULT));
    int place = -1;
    EXPECT_NCCL(nccl().CommUserRank(rest, &place));
    EXPECT_EQ(place, rank == 0 ? 0 : rank - 1);
    expect_sum(rest, rank, 5);
    EXPECT_NCCL(nccl().CommDestroy(rest));
  });
}

TEST(NcclShrink, WithAbort_EndsWhatHangs) {
  const Ranks ranks(3);
  std::barrier issued(2);
  ranks.run([&](int rank, ncclComm_t comm) {
    if (rank == 2) return;  // whose part of the all-reduce never comes
    const Stream stream;
    std::int64_t value = 1;
    EXPECT_NCCL(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, stream.get()));
    issued.arrive_and_wait();
    int exclude[] = {2};
    ncclComm_t rest = nullptr;
    ASSERT_NCCL(nccl().CommShrink(comm, exclude, 1, &rest, nullptr, NCCL_SHRINK_ABORT));
    expect_sum(rest, 1, 2);
    EXPECT_NCCL(nccl().CommDestroy(rest));
  });
}

TEST(NcclShrink, WithAbortWhileAThreadIsInside_AwaitsIt) {
  const Ranks ranks(2);
  std::int64_t value = 0;
  std::thread caller([&] {
    std::int64_t sent = 1;
    std::int64_t received = 0;
    EXPECT_NCCL(nccl().GroupStart());
    EXPECT_NCCL(nccl().Send(&sent, 1, ncclInt64, 1, ranks.comm(0), nullptr));
    EXPECT_NCCL(nccl().Recv(&received, 1, ncclInt64, 1, ranks.comm(0), nullptr));
    EXPECT_EQ(nccl().GroupEnd(), ncclInvalidUsage);
  });
  // What it sent says that it is inside.
  EXPECT_NCCL(nccl().Recv(&value, 1, ncclInt64, 0, ranks.comm(1), nullptr));
  int exclude[] = {1};
  ncclComm_t rest = nullptr;
  EXPECT_NCCL(nccl().CommShrink(ranks.comm(0), exclude, 1, &rest, nullptr, NCCL_SHRINK_ABORT));
  caller.join();
  expect_sum(rest, 5, 5);
  EXPECT_NCCL(nccl().CommDestroy(rest));
}

TEST(NcclShrink, UnknownFlags_AreRefusedOnAllRanks) {
  const Ranks ranks(2);
  ranks.run([](int, ncclComm_t comm) {
    ncclComm_t rest = nullptr;
    EXPECT_EQ(nccl().CommShrink(comm, nullptr, 0, &rest, nullptr, 8), ncclInvalidArgument);
    EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "shrinkFlags"), nullptr);
    EXPECT_EQ(rest, nullptr);
  });
}

// The thread inside the call leaves last, and so frees the communicator.
TEST(NcclAbort, FromAnotherThread_EndsTheCallAndFreesTheCommunicator) {
  Ranks ranks(2);
  std::int64_t value = 0;
  std::thread caller([&] {
    std::int64_t sent = 1;
    std::int64_t received = 0;
    EXPECT_NCCL(nccl().GroupStart());
    EXPECT_NCCL(nccl().Send(&sent, 1, ncclInt64, 1, ranks.comm(0), nullptr));
    EXPECT_NCCL(nccl().Recv(&received, 1, ncclInt64, 1, ranks.comm(0), nullptr));
    EXPECT_EQ(nccl().GroupEnd(), ncclInvalidUsage);
    EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "abort"), nullptr) << nccl().GetLastError(nullptr);
  });
  // What it sent says that it is inside.
  EXPECT_NCCL(nccl().Recv(&value, 1, ncclInt64, 0, ranks.comm(1), nullptr));
  EXPECT_NCCL(nccl().CommAbort(ranks.comm(0)));
  caller.join();
  ranks.release(0);
  EXPECT_EQ(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, ranks.comm(1), nullptr), ncclRemoteError);
  ncclResult_t state = ncclSuccess;
  EXPECT_NCCL(nccl().CommGetAsyncError(ranks.comm(1), &state));
  EXPECT_EQ(state, ncclRemoteError);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "abort"), nullptr) << nccl().GetLastError(nullptr);
}

TEST(NcclAbort, WithWorkInAStream_EndsItAndFreesAtOnce) {
  Ranks ranks(2);
  const Stream stream;
  std::int64_t value = 1;
  ASSERT_NCCL(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, ranks.comm(0), stream.get()));
  EXPECT_NCCL(nccl().CommAbort(ranks.comm(0)));
  ranks.release(0);
  EXPECT_EQ(nccl().StreamSynchronize(stream.get()), strettoAborted);
  EXPECT_NCCL(nccl().CommAbort(ranks.comm(1)));
  ranks.release(1);
}

TEST(NcclRevoke, Communicator_IsQuietAndCanBeShrunk) {
  const Ranks ranks(2);
  ranks.run([](int rank, ncclComm_t comm) {
    EXPECT_EQ(nccl().CommRevoke(comm, 3), ncclInvalidArgument);
    ASSERT_NCCL(nccl().CommRevoke(comm, NCCL_REVOKE_DEFAULT));
    std::int64_t value = 1;
    EXPECT_NE(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, nullptr), ncclSuccess);
    EXPECT_NE(nccl().CommFinalize(comm), ncclSuccess);
    ncclComm_t rest = nullptr;
    ASSERT_NCCL(nccl().CommShrink(comm, nullptr, 0, &rest, nullptr, NCCL_SHRINK_DEFAULT));
    expect_sum(rest, rank, 1);
    EXPECT_NCCL(nccl().CommDestroy(rest));
  });
}

TEST(NcclRevoke, OfTheOnlyRank_LeavesNoError) {
  const Ranks ranks(1);
  ASSERT_NCCL(nccl().CommRevoke(ranks.comm(0), NCCL_REVOKE_DEFAULT));
  ncclResult_t state = ncclInternalError;
  EXPECT_NCCL(nccl().CommGetAsyncError(ranks.comm(0), &state));
  EXPECT_EQ(state, ncclSuccess);
}

TEST(NcclNull, Communicator_IsEndedWithoutAWord) {
  EXPECT_NCCL(nccl().CommDestroy(nullptr));
  EXPECT_NCCL(nccl().CommAbort(nullptr));
  EXPECT_NCCL(nccl().CommFinalize(nullptr));
  EXPECT_NCCL(nccl().CommRevoke(nullptr, 0));
}

}  // namespace
}  // namespace stretto
