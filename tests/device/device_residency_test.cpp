// Communicators side by side on two GPUs: in any order as far as their blocks fit, in the order of the calls beyond
// that.
#include <chrono>
#include <string_view>

#include "device_ranks.hpp"
#include "simulated_gpus.hpp"

namespace stretto {
namespace {

/// Communicators of two ranks, with a stream and a sum in place for each rank.
class Crowd {
 public:
  Crowd(TestGpus& gpus, std::size_t n, std::size_t count, strettoConfig_t config = STRETTO_CONFIG_INITIALIZER)
      : count_(count) {
    for (std::size_t i = 0; i < n; ++i) {
      ranks_.push_back(std::make_unique<DeviceRanks>(gpus, 2, config));
      for (int rank = 0; rank < 2; ++rank) {
        streams_.push_back(ranks_[i]->stream(rank));
        buffers_.push_back(std::make_unique<DeviceBuffer>(gpus, ranks_[i]->device(rank), count));
      }
    }
  }
  ~Crowd() {
    for (const auto& stream : streams_) stream->synchronize();
  }
  Crowd(const Crowd&) = delete;
  Crowd& operator=(const Crowd&) = delete;

  std::size_t size() const { return ranks_.size(); }
  DeviceRanks& ranks(std::size_t i) { return *ranks_[i]; }
  TestStream& stream(std::size_t i, int rank) { return *streams_[2 * i + static_cast<std::size_t>(rank)]; }
  DeviceBuffer& buffer(std::size_t i, int rank) { return *buffers_[2 * i + static_cast<std::size_t>(rank)]; }
  void fill(int value) {
    for (const auto& buffer : buffers_) buffer->fill(Buffer(count_, value));
  }
  strettoResult_t sum(std::size_t i, int rank) {
    std::int64_t* const values = buffer(i, rank).get();
    return strettoAllReduce(values, values, count_, strettoInt64, strettoSum, ranks(i).comm(rank),
                            stream(i, rank).handle());
  }
  /// One thread for each of the ranks' GPUs. Rank 1 begins with the last communicator if told so.
  void sum_all(bool in_opposite_orders) {
    std::thread threads[2];
    for (int rank = 0; rank < 2; ++rank) {
      threads[rank] = std::thread([this, rank, in_opposite_orders] {
        for (std::size_t i = 0; i < size(); ++i) {
          const std::size_t which = in_opposite_orders && rank == 1 ? size() - 1 - i : i;
          EXPECT_EQ(sum(which, rank), strettoSuccess) << strettoGetLastError(ranks(which).comm(rank));
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  void expect(std::int64_t value) {
    for (std::size_t i = 0; i < size(); ++i) {
      for (int rank = 0; rank < 2; ++rank) {
        stream(i, rank).synchronize();
        EXPECT_EQ(buffer(i, rank).read(), Buffer(count_, value)) << "communicator " << i << " rank " << rank;
      }
    }
  }

 private:
  std::size_t count_;
  std::vector<std::unique_ptr<DeviceRanks>> ranks_;
  std::vector<std::unique_ptr<TestStream>> streams_;
  std::vector<std::unique_ptr<DeviceBuffer>> buffers_;
};

strettoConfig_t channels(int most) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.max_channels = most;
  return config;
}

class DeviceResidency : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceResidency, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

TEST_P(DeviceResidency, CommunicatorsInOppositeOrders_CompleteWhereTheyFit) {
  if (gpus_->count() < 2) GTEST_SKIP() << "one GPU";
  // 132 blocks at least; each of them may launch two. Threads are scarcer than blocks are.
  const bool simulated = std::string_view(GetParam().name) == "simulated";
  Crowd crowd(*gpus_, simulated ? 24 : 64, 100, channels(1));
  for (int round = 0; round < 5; ++round) {
    crowd.fill(round + 1);
    crowd.sum_all(true);
    crowd.expect(2 * (round + 1));
  }
}

TEST_P(DeviceResidency, MoreThanFits_CompletesInTheSameOrder) {
  if (gpus_->count() < 2) GTEST_SKIP() << "one GPU";
  const bool simulated = std::string_view(GetParam().name) == "simulated";
  Crowd crowd(*gpus_, simulated ? 6 : 16, simulated ? 20'000 : 2'000'000, channels(simulated ? 32 : 64));
  for (int round = 0; round < 3; ++round) {
    crowd.fill(round + 1);
    crowd.sum_all(false);
    crowd.sum_all(false);
    crowd.expect(4 * (round + 1));
  }
}

/// GPUs so small that any two operations do not fit.
class SmallGpus : public testing::Test {
 protected:
  std::unique_ptr<TestGpus> gpus_ = test::make_simulated_gpus(2, 4);
};

TEST_F(SmallGpus, ManyCommunicatorsInTheSameOrder_Complete) {
  Crowd crowd(*gpus_, 8, 20'000, channels(2));
  for (int round = 0; round < 10; ++round) {
    crowd.fill(round + 1);
    crowd.sum_all(false);
    crowd.expect(2 * (round + 1));
  }
}

TEST_F(SmallGpus, OneThreadThatIssuesRankAfterRank_IsNotHeldUp) {
  Crowd crowd(*gpus_, 8, 20'000, channels(2));
  crowd.fill(1);
  for (int rank = 0; rank < 2; ++rank) {
    for (std::size_t i = 0; i < crowd.size(); ++i) ASSERT_EQ(crowd.sum(i, rank), strettoSuccess);
  }
  crowd.expect(2);
}

TEST_F(SmallGpus, OppositeOrdersBeyondWhatFits_EndWithTheDeadlineAndItsCause) {
  strettoConfig_t config = channels(2);
  config.data_timeout_ms = 300;
  Crowd crowd(*gpus_, 2, 200'000, config);
  crowd.fill(1);
  // Rank 0: 0, 1. Rank 1: 1, 0. Each GPU runs what the other one keeps waiting.
  ASSERT_EQ(crowd.sum(0, 0), strettoSuccess);
  ASSERT_EQ(crowd.sum(1, 1), strettoSuccess);
  ASSERT_EQ(crowd.sum(1, 0), strettoSuccess);
  ASSERT_EQ(crowd.sum(0, 1), strettoSuccess);
  for (std::size_t i = 0; i < 2; ++i) {
    for (int rank = 0; rank < 2; ++rank) crowd.stream(i, rank).synchronize();
  }
  // The first to give up may let the other one go on in time.
  strettoComm_t failed = nullptr;
  for (int look = 0; look < 1000 && failed == nullptr; ++look) {
    for (std::size_t i = 0; i < 2; ++i) {
      const strettoComm_t comm = crowd.ranks(i).comm(static_cast<int>(i));
      strettoResult_t result = strettoSuccess;
      EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
      if (result == strettoTimeout) failed = comm;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_NE(failed, nullptr);
  // The deadlines come all at once: on some rank it may be a part of the operation that waits for another part.
  std::string texts;
  for (std::size_t i = 0; i < 2; ++i) {
    for (int rank = 0; rank < 2; ++rank) texts += strettoGetLastError(crowd.ranks(i).comm(rank)) + std::string("\n");
  }
  EXPECT_NE(texts.find("did not all fit this GPU"), std::string::npos) << texts;
}

/// It has no event that others could be ordered behind: their calls wait.
TEST_F(SmallGpus, OperationFromBeforeTheSecondCommunicator_IsWaitedFor) {
  Crowd first(*gpus_, 1, 200'000, channels(2));
  first.fill(1);
  ASSERT_EQ(first.sum(0, 0), strettoSuccess);
  Crowd second(*gpus_, 1, 200'000, channels(2));
  second.fill(2);
  std::thread other([&] {
    for (int rank = 0; rank < 2; ++rank) EXPECT_EQ(second.sum(0, rank), strettoSuccess);
  });
  ASSERT_EQ(first.sum(0, 1), strettoSuccess);
  other.join();
  first.expect(2);
  second.expect(4);
}

TEST_F(SmallGpus, CommunicatorsThatHaveGone_LeaveTheirRoom) {
  for (int round = 0; round < 3; ++round) {
    Crowd crowd(*gpus_, 3, 20'000, channels(2));
    crowd.fill(1);
    crowd.sum_all(false);
    crowd.expect(2);
  }
  // One that fails is forgotten, too.
  strettoConfig_t config = channels(2);
  config.data_timeout_ms = 200;
  {
    Crowd lonely(*gpus_, 2, 20'000, config);
    ASSERT_EQ(lonely.sum(0, 0), strettoSuccess);
    lonely.stream(0, 0).synchronize();
  }
  Crowd crowd(*gpus_, 3, 20'000, channels(2));
  crowd.fill(1);
  crowd.sum_all(false);
  crowd.expect(2);
}

TEST_F(SmallGpus, SeveralRanksOfACommunicatorOnOneGpu_AreNotOrderedBehindEachOther) {
  DeviceRanks first(*gpus_, 4, channels(1));
  DeviceRanks second(*gpus_, 4, channels(1));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 4; ++rank) {
    threads.emplace_back([&, rank] {
      std::unique_ptr<TestStream> streams[2] = {first.stream(rank), second.stream(rank)};
      DeviceBuffer one(*gpus_, first.device(rank), 5000);
      DeviceBuffer other(*gpus_, first.device(rank), 5000);
      for (int round = 0; round < 10; ++round) {
        one.fill(Buffer(5000, 1));
        other.fill(Buffer(5000, 2));
        EXPECT_EQ(strettoAllReduce(one.get(), one.get(), 5000, strettoInt64, strettoSum, first.comm(rank),
                                   streams[0]->handle()),
                  strettoSuccess);
        EXPECT_EQ(strettoAllReduce(other.get(), other.get(), 5000, strettoInt64, strettoSum, second.comm(rank),
                                   streams[1]->handle()),
                  strettoSuccess);
        for (const auto& stream : streams) stream->synchronize();
        EXPECT_EQ(one.read(), Buffer(5000, 4));
        EXPECT_EQ(other.read(), Buffer(5000, 8));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace stretto
