// Communicators of libnccl.so.2: all ways to make them, and what is asked of them.
#include <array>
#include <cstring>

#include "library.hpp"
#include "support/leak_check.hpp"

namespace stretto {
namespace {

using nccl_test::expect_sum;
using nccl_test::in_threads;
using nccl_test::nccl;
using nccl_test::Ranks;
using nccl_test::settle;

void expect_place(ncclComm_t comm, int rank, int n) {
  int answer = -2;
  EXPECT_NCCL(nccl().CommCount(comm, &answer));
  EXPECT_EQ(answer, n);
  EXPECT_NCCL(nccl().CommUserRank(comm, &answer));
  EXPECT_EQ(answer, rank);
  EXPECT_NCCL(nccl().CommCuDevice(comm, &answer));
  EXPECT_EQ(answer, -1) << "of the host, as this test has it";
  ncclResult_t state = ncclInternalError;
  EXPECT_NCCL(nccl().CommGetAsyncError(comm, &state));
  EXPECT_EQ(state, ncclSuccess);
}

TEST(NcclStart, ThreadsWithAnId_MeetInOneCommunicator) {
  constexpr int kRanks = 4;
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  in_threads(kRanks, [&](int rank) {
    ncclComm_t comm = nullptr;
    ASSERT_NCCL(nccl().CommInitRank(&comm, kRanks, id, rank));
    expect_place(comm, rank, kRanks);
    expect_sum(comm, rank, 6);
    EXPECT_NCCL(nccl().CommFinalize(comm));
    EXPECT_NCCL(nccl().CommFinalize(comm)) << "again: nothing";
    EXPECT_NCCL(nccl().CommDestroy(comm));
  });
}

TEST(NcclStart, AllAtOnceOrInAGroupOrFromSeveralIds_Meet) {
  std::array<ncclComm_t, 3> comms{};
  ASSERT_NCCL(nccl().CommInitAll(comms.data(), 3, nullptr));
  in_threads(3, [&](int rank) {
    expect_place(comms[static_cast<std::size_t>(rank)], rank, 3);
    expect_sum(comms[static_cast<std::size_t>(rank)], 1, 3);
    EXPECT_NCCL(nccl().CommDestroy(comms[static_cast<std::size_t>(rank)]));
  });
  const Ranks grouped(3);
  grouped.run([](int rank, ncclComm_t comm) { expect_sum(comm, rank, 3); });
  std::array<ncclUniqueId, 2> ids;
  for (ncclUniqueId& id : ids) ASSERT_NCCL(nccl().GetUniqueId(&id));
  in_threads(3, [&](int rank) {
    ncclComm_t comm = nullptr;
    ASSERT_NCCL(nccl().CommInitRankScalable(&comm, 3, rank, 2, ids.data(), nullptr));
    expect_sum(comm, rank, 3);
    EXPECT_NCCL(nccl().CommDestroy(comm));
  });
}

TEST(NcclStart, WithoutBlocking_IsInProgressUntilAllHaveCome) {
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t first = nullptr;
  ASSERT_EQ(nccl().CommInitRankConfig(&first, 2, id, 0, &config), ncclInProgress);
  ASSERT_NE(first, nullptr);
  ncclResult_t state = ncclSuccess;
  EXPECT_NCCL(nccl().CommGetAsyncError(first, &state));
  EXPECT_EQ(state, ncclInProgress);
  std::int64_t value = 1;
  EXPECT_EQ(nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, first, nullptr), ncclInvalidUsage) << "too early";
  ncclComm_t second = nullptr;
  ASSERT_EQ(nccl().CommInitRankConfig(&second, 2, id, 1, &config), ncclInProgress);
  EXPECT_EQ(settle(first), ncclSuccess);
  EXPECT_EQ(settle(second), ncclSuccess);
  in_threads(2, [&](int rank) { expect_sum(rank == 0 ? first : second, 1, 2); });
  in_threads(2, [&](int rank) { EXPECT_NCCL(nccl().CommDestroy(rank == 0 ? first : second)); });
}

TEST(NcclStart, WithoutBlockingInAGroup_TheEndIsInProgress) {
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  std::array<ncclComm_t, 2> comms{};
  ASSERT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < 2; ++rank) {
    ASSERT_NCCL(nccl().CommInitRankConfig(&comms[static_cast<std::size_t>(rank)], 2, id, rank, &config));
  }
  ASSERT_EQ(nccl().GroupEnd(), ncclInProgress);
  for (ncclComm_t const comm : comms) EXPECT_EQ(settle(comm), ncclSuccess);
  ASSERT_NCCL(nccl().GroupStart());
  EXPECT_NCCL(nccl().GroupEnd()) << "the next group is another one";
  in_threads(2, [&](int rank) { EXPECT_NCCL(nccl().CommDestroy(comms[static_cast<std::size_t>(rank)])); });
}

TEST(NcclStart, AbortDuringSetUp_EndsIt) {
  testing::allow_leaks_in_this_test("the id listens for the rank that does not come");
  ncclUniqueId id;
  ASSERT_NCCL(nccl().GetUniqueId(&id));
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm = nullptr;
  ASSERT_EQ(nccl().CommInitRankConfig(&comm, 2, id, 0, &config), ncclInProgress);
  EXPECT_NCCL(nccl().CommAbort(comm));
}

TEST(NcclStart, RefusedInAGroup_IsItsEndsErrorToo) {
  const ncclUniqueId id{};  // nobody comes to look at it
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 7;
  ncclComm_t comm = nullptr;
  ASSERT_NCCL(nccl().GroupStart());
  EXPECT_EQ(nccl().CommInitRankConfig(&comm, 1, id, 0, &config), ncclInvalidArgument);
  EXPECT_EQ(nccl().GroupEnd(), ncclInvalidArgument);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "config.blocking"), nullptr) << nccl().GetLastError(nullptr);
  EXPECT_EQ(comm, nullptr);
}

TEST(NcclStart, WrongArguments_AreRefused) {
  ncclUniqueId id{};
  ncclComm_t comm = nullptr;
  EXPECT_EQ(nccl().GetUniqueId(nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitRank(nullptr, 1, id, 0), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitRank(&comm, 0, id, 0), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitRank(&comm, 1, id, 1), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitAll(nullptr, 1, nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitAll(&comm, 0, nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().CommInitRankScalable(&comm, 1, 0, 0, &id, nullptr), ncclInvalidArgument);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.magic = 1;
  EXPECT_EQ(nccl().CommInitRankConfig(&comm, 1, id, 0, &config), ncclInvalidArgument);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "NCCL_CONFIG_INITIALIZER"), nullptr);
  std::memset(&id, 7, sizeof id);
  EXPECT_EQ(nccl().CommInitRank(&comm, 2, id, 0), ncclInvalidArgument) << "no id of anybody's";
  EXPECT_EQ(comm, nullptr);
}

TEST(NcclStart, LastErrorOfAThreadWithoutOne_IsTheProcesss) {
  EXPECT_EQ(nccl().GetVersion(nullptr), ncclInvalidArgument);
  std::thread([] {
    EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "version"), nullptr);
    EXPECT_EQ(nccl().GetUniqueId(nullptr), ncclInvalidArgument);
    EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "id is NULL"), nullptr);
  }).join();
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "version"), nullptr) << "this thread's own comes first";
}

}  // namespace
}  // namespace stretto
