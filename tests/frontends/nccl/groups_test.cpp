// Groups of libnccl.so.2: one thread that drives several ranks, messages between ranks, errors, simulated ends.
#include <cstring>

#include "library.hpp"

namespace stretto {
namespace {

using nccl_test::nccl;
using nccl_test::Ranks;
using nccl_test::Stream;

using Values = std::vector<std::int64_t>;

TEST(NcclGroups, OneThread_DrivesAllRanksAndNestedGroupsCountOnce) {
  constexpr int kRanks = 4;
  const Ranks ranks(kRanks);
  const Stream stream;
  std::vector<Values> data;
  ASSERT_NCCL(nccl().GroupStart());
  for (int rank = 0; rank < kRanks; ++rank) data.push_back({rank});
  for (int rank = 0; rank < kRanks; ++rank) {
    Values& mine = data[static_cast<std::size_t>(rank)];
    ASSERT_NCCL(nccl().GroupStart());
    ASSERT_NCCL(nccl().AllReduce(mine.data(), mine.data(), 1, ncclInt64, ncclSum, ranks.comm(rank), stream.get()));
    ASSERT_NCCL(nccl().GroupEnd());
    EXPECT_EQ(mine[0], rank) << "nothing runs before the outermost end";
  }
  ASSERT_NCCL(nccl().GroupEnd());
  stream.synchronize();
  for (const Values& result : data) EXPECT_EQ(result[0], 6);
}

TEST(NcclGroups, MessagesOfAllRanksToAll_ArriveWhereTheyBelong) {
  constexpr int kRanks = 3;
  const Ranks ranks(kRanks);
  ranks.run([](int rank, ncclComm_t comm) {
    const Stream stream;
    std::vector<Values> out(kRanks, Values(1000));
    std::vector<Values> in(kRanks, Values(1000, -1));
    ASSERT_NCCL(nccl().GroupStart());
    for (int peer = 0; peer < kRanks; ++peer) {
      const auto i = static_cast<std::size_t>(peer);
      std::fill(out[i].begin(), out[i].end(), 10 * rank + peer);
      ASSERT_NCCL(nccl().Send(out[i].data(), 1000, ncclInt64, peer, comm, stream.get()));
      ASSERT_NCCL(nccl().Recv(in[i].data(), 1000, ncclInt64, peer, comm, stream.get()));
    }
    ASSERT_NCCL(nccl().GroupEnd());
    stream.synchronize();
    for (int peer = 0; peer < kRanks; ++peer) {
      EXPECT_EQ(in[static_cast<std::size_t>(peer)], Values(1000, 10 * peer + rank));
    }
  });
}

TEST(NcclGroups, RefusedCall_SpoilsItsGroupAndNothingElse) {
  const Ranks ranks(1);
  const ncclComm_t comm = ranks.comm(0);
  std::int64_t value = 5;
  std::int64_t result = -1;
  ASSERT_NCCL(nccl().GroupStart());
  EXPECT_NCCL(nccl().AllReduce(&value, &result, 1, ncclInt64, ncclSum, comm, nullptr));
  EXPECT_EQ(nccl().Send(&value, 1, ncclInt64, 7, comm, nullptr), ncclInvalidArgument);
  EXPECT_EQ(nccl().GroupEnd(), ncclInvalidArgument);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "peer"), nullptr) << nccl().GetLastError(nullptr);
  EXPECT_EQ(result, -1);
  EXPECT_EQ(nccl().GroupEnd(), ncclInvalidUsage) << "none is open any more";
  EXPECT_NCCL(nccl().AllReduce(&value, &result, 1, ncclInt64, ncclSum, comm, nullptr));
  EXPECT_EQ(result, 5);
}

TEST(NcclGroups, SimulatedEnd_TellsATimeAndRunsNothing) {
  const Ranks ranks(1);
  std::int64_t value = 5;
  std::int64_t result = -1;
  const auto simulated = [&](ncclSimInfo_t* info) {
    EXPECT_NCCL(nccl().GroupStart());
    EXPECT_NCCL(nccl().GroupStart());
    EXPECT_NCCL(nccl().AllReduce(&value, &result, 1, ncclInt64, ncclSum, ranks.comm(0), nullptr));
    EXPECT_NCCL(nccl().GroupEnd());
    const ncclResult_t end = nccl().GroupSimulateEnd(info);
    EXPECT_EQ(nccl().GroupEnd(), ncclInvalidUsage) << "it is closed, whatever came of it";
    EXPECT_EQ(result, -1);
    return end;
  };
  ncclSimInfo_t info = NCCL_SIM_INFO_INITIALIZER;
  EXPECT_NCCL(simulated(&info));
  EXPECT_GT(info.estimatedTime, 0);
  EXPECT_EQ(simulated(nullptr), ncclInvalidArgument);
  info.magic = 0;
  EXPECT_EQ(simulated(&info), ncclInvalidArgument);
}

}  // namespace
}  // namespace stretto
