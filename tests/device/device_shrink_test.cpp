// Shrink and split on devices: those who are left go on, whoever is missing and whatever kernels waited for.
#include <algorithm>
#include <chrono>

#include "device_ranks.hpp"

namespace stretto {
namespace {

class DeviceShrink : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceShrink, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

strettoResult_t shrink(strettoComm_t comm, const std::vector<int>& excluded, strettoComm_t* child) {
  return strettoCommShrink(comm, excluded.data(), static_cast<int>(excluded.size()), child, nullptr);
}

bool holds(const std::vector<int>& ranks, int rank) { return std::ranges::find(ranks, rank) != ranks.end(); }

/// All-reduces of several sizes on `comm`, of n ranks whose original numbers sum up to `sum`.
void expect_sums(DeviceRanks& ranks, int me, strettoComm_t comm, std::int64_t sum) {
  const auto stream = ranks.stream(me);
  for (const std::size_t count : {1UL, 100UL, 30'000UL}) {
    DeviceBuffer value(ranks.gpus(), ranks.device(me), count);
    for (int i = 0; i < 5; ++i) {
      value.fill(Buffer(count, me + i));
      int n = 0;
      ASSERT_EQ(strettoCommCount(comm, &n), strettoSuccess);
      ASSERT_EQ(strettoAllReduce(value.get(), value.get(), count, strettoInt64, strettoSum, comm, stream->handle()),
                strettoSuccess)
          << strettoGetLastError(comm);
      stream->synchronize();
      ASSERT_EQ(value.read(), Buffer(count, sum + n * i)) << "rank " << me;
    }
  }
}

TEST_P(DeviceShrink, OfAHealthyCommunicator_LeavesItUsable) {
  for (const std::vector<int>& excluded : {std::vector<int>{2}, {0}, {0, 1}}) {
    DeviceRanks ranks(*gpus_, 4);
    std::int64_t left_sum = 0;
    for (int rank = 0; rank < 4; ++rank) left_sum += holds(excluded, rank) ? 0 : rank;
    ranks.run([&](int rank, strettoComm_t comm) {
      if (!holds(excluded, rank)) {
        strettoComm_t child = nullptr;
        ASSERT_EQ(shrink(comm, excluded, &child), strettoSuccess) << strettoGetLastError(nullptr);
        int device = -1;
        ASSERT_EQ(strettoCommDevice(child, &device), strettoSuccess);
        EXPECT_EQ(device, ranks.device(rank));
        expect_sums(ranks, rank, child, left_sum);
        EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
      }
      expect_sums(ranks, rank, comm, 6);
    });
  }
}

// The others' kernels wait for it: the abort word ends them, and shrink finds the device free.
TEST_P(DeviceShrink, AfterAnAbort_GoesOnWithTheOthers) {
  for (const int gone : {0, 2}) {
    DeviceRanks ranks(*gpus_, 3);
    ranks.run([&](int rank, strettoComm_t comm) {
      if (rank == gone) {
        EXPECT_EQ(strettoCommAbort(comm), strettoSuccess);
        return;
      }
      const auto stream = ranks.stream(rank);
      DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1000);
      strettoResult_t result = strettoSuccess;
      for (int i = 0; i < 3 && result == strettoSuccess; ++i) {  // until it is known
        result = strettoAllReduce(value.get(), value.get(), 1000, strettoInt64, strettoSum, comm, stream->handle());
      }
      for (int i = 0; i < 2000 && result == strettoSuccess; ++i) {
        EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      ASSERT_EQ(result, strettoRemoteError);
      const int peer = error_of(comm).peer;
      ASSERT_EQ(peer, gone) << strettoGetLastError(comm);
      strettoComm_t child = nullptr;
      ASSERT_EQ(strettoCommShrink(comm, &peer, 1, &child, nullptr), strettoSuccess) << strettoGetLastError(nullptr);
      expect_sums(ranks, rank, child, 3 - gone);
      stream->synchronize();  // its kernels have ended
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    });
  }
}

// Nobody knows of a fault: a rank just does not come. Those who give up abort, and shrink then.
TEST_P(DeviceShrink, OperationsThatHang_EndByAnAbortBeforeIt) {
  DeviceRanks ranks(*gpus_, 3);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 1) return;
    const auto stream = ranks.stream(rank);
    DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1);
    const strettoResult_t result =
        strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, comm, stream->handle());
    EXPECT_TRUE(result == strettoSuccess || result == strettoRemoteError) << "the other one's abort may come first";
    EXPECT_EQ(strettoCommAbort(comm), strettoSuccess);
    strettoComm_t child = nullptr;
    ASSERT_EQ(shrink(comm, {1}, &child), strettoSuccess) << strettoGetLastError(nullptr);
    expect_sums(ranks, rank, child, 2);
    stream->synchronize();
    EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
  });
}

// 4 to 3 to 2 to 1, each without the first of its parent, which ends before or after its child.
TEST_P(DeviceShrink, OfAShrunkOne_DownToOneRank) {
  for (const bool parent_first : {false, true}) {
    DeviceRanks ranks(*gpus_, 4);
    ranks.run([&](int rank, strettoComm_t comm) {
      std::vector<strettoComm_t> made;
      std::int64_t sum = 6;
      for (int gone = 0; gone < rank; ++gone) {
        strettoComm_t child = nullptr;
        ASSERT_EQ(shrink(made.empty() ? comm : made.back(), {0}, &child), strettoSuccess)
            << strettoGetLastError(nullptr);
        if (parent_first && !made.empty()) {
          EXPECT_EQ(strettoCommDestroy(made.back()), strettoSuccess);
          made.pop_back();
        }
        sum -= gone;
        expect_sums(ranks, rank, child, sum);
        made.push_back(child);
      }
      for (; !made.empty(); made.pop_back()) EXPECT_EQ(strettoCommDestroy(made.back()), strettoSuccess);
    });
  }
}

TEST_P(DeviceShrink, ParentDestroyedAtOnce_DoesNotHarmTheChild) {
  TestGpus& gpus = *gpus_;
  std::vector<int> devices;
  for (int rank = 0; rank < 3; ++rank) devices.push_back(rank % gpus.count());
  strettoComm_t comms[3] = {};
  ASSERT_EQ(strettoCommInitAll(comms, 3, devices.data()), strettoSuccess) << strettoGetLastError(nullptr);
  strettoComm_t children[3] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);  // one thread, all its ranks
  for (const int rank : {1, 2}) ASSERT_EQ(shrink(comms[rank], {0}, &children[rank]), strettoSuccess);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
  std::vector<std::thread> threads;
  for (const int rank : {1, 2}) {
    threads.emplace_back([&, rank] {
      const auto stream = gpus.make_stream(devices[static_cast<std::size_t>(rank)]);
      DeviceBuffer value(gpus, devices[static_cast<std::size_t>(rank)], 10);
      value.fill(Buffer(10, rank));
      ASSERT_EQ(
          strettoAllReduce(value.get(), value.get(), 10, strettoInt64, strettoSum, children[rank], stream->handle()),
          strettoSuccess)
          << strettoGetLastError(children[rank]);
      stream->synchronize();
      EXPECT_EQ(value.read(), Buffer(10, 3));
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int rank : {1, 2}) EXPECT_EQ(strettoCommDestroy(children[rank]), strettoSuccess);
}

TEST_P(DeviceShrink, Split_GivesGroupsThatCompute) {
  DeviceRanks ranks(*gpus_, 4);
  ranks.run([&](int rank, strettoComm_t comm) {
    for (int round = 0; round < 3; ++round) {
      strettoComm_t child = nullptr;
      const int color = rank == 3 && round == 2 ? STRETTO_SPLIT_NOCOLOR : rank % 2;
      ASSERT_EQ(strettoCommSplit(comm, color, -rank, &child, nullptr), strettoSuccess) << strettoGetLastError(nullptr);
      if (color < 0) {
        EXPECT_EQ(child, nullptr);
        continue;
      }
      int place = -1;
      ASSERT_EQ(strettoCommUserRank(child, &place), strettoSuccess);
      const bool alone = round == 2 && color == 1;
      EXPECT_EQ(place, alone ? 0 : rank < 2 ? 1 : 0) << "keys turn the order round";
      expect_sums(ranks, rank, child, alone ? 1 : color == 0 ? 2 : 4);
      EXPECT_EQ(strettoCommDestroy(child), strettoSuccess);
    }
    expect_sums(ranks, rank, comm, 6);
  });
}

TEST_P(DeviceShrink, SplitWithABadArgumentOrALateRank_IsToldToAll) {
  strettoConfig_t parents = STRETTO_CONFIG_INITIALIZER;
  parents.data_timeout_ms = 300;
  DeviceRanks ranks(*gpus_, 3, parents);
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    if (rank == 1) config.algorithm = "rings";
    strettoComm_t child = nullptr;
    EXPECT_EQ(strettoCommSplit(comm, 0, 0, &child, &config), rank == 1 ? strettoInvalidArgument : strettoRemoteError);
    EXPECT_STREQ(error_of(nullptr).field, "algorithm") << strettoGetLastError(nullptr);
    if (rank != 1) {
      EXPECT_EQ(error_of(nullptr).peer, 1) << strettoGetLastError(nullptr);
    }
  });
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoComm_t child = nullptr;
    if (rank == 2) return;
    EXPECT_EQ(strettoCommSplit(comm, 0, 0, &child, nullptr), strettoTimeout);
    EXPECT_EQ(error_of(nullptr).peer, 2) << strettoGetLastError(nullptr);
  });
  strettoComm_t child = nullptr;  // too late: the communicator has a fault
  EXPECT_EQ(strettoCommSplit(ranks.comm(2), 0, 0, &child, nullptr), strettoTimeout) << strettoGetLastError(nullptr);
}

}  // namespace
}  // namespace stretto
