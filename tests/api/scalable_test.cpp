// Communicators that start from several ids.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "support/threads.hpp"

namespace stretto {
namespace {

TEST(ScalableStart, SeveralIds_MakeOneCommunicator) {
  constexpr int kRanks = 4;
  strettoUniqueId ids[3];
  for (strettoUniqueId& id : ids) ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoComm_t comms[kRanks] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (int rank = 0; rank < kRanks; ++rank) {
    ASSERT_EQ(strettoCommInitRankScalable(&comms[rank], kRanks, rank, 3, ids, nullptr), strettoSuccess);
  }
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < kRanks; ++rank) {
    threads.emplace_back([&, rank] {
      std::int32_t value = 1 << rank;
      EXPECT_EQ(strettoAllReduce(&value, &value, 1, strettoInt32, strettoSum, comms[rank], nullptr), strettoSuccess);
      EXPECT_EQ(value, (1 << kRanks) - 1);
      strettoCommDestroy(comms[rank]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(ScalableStart, WrongArguments_AreRefusedByField) {
  strettoUniqueId id{};
  strettoComm_t comm = nullptr;
  const auto refused = [](const char* field, strettoResult_t result) {
    EXPECT_EQ(result, strettoInvalidArgument) << field;
    EXPECT_STREQ(error_of(nullptr).field, field);
  };
  refused("ids", strettoCommInitRankScalable(&comm, 1, 0, 1, nullptr, nullptr));
  refused("n_ids", strettoCommInitRankScalable(&comm, 1, 0, 0, &id, nullptr));
  refused("n_ids", strettoCommInitRankScalable(&comm, 1, 0, 2, &id, nullptr));
  refused("comm", strettoCommInitRankScalable(nullptr, 1, 0, 1, &id, nullptr));
  refused("nranks", strettoCommInitRankScalable(&comm, 0, 0, 1, &id, nullptr));
  refused("rank", strettoCommInitRankScalable(&comm, 1, 1, 1, &id, nullptr));
  EXPECT_EQ(comm, nullptr);
}

}  // namespace
}  // namespace stretto
