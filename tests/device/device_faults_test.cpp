// What goes wrong in operations of device communicators: ranks that do not come, that disagree, that abort; and what is
// refused before.
#include <atomic>
#include <chrono>

#include "device_ranks.hpp"

namespace stretto {
namespace {

class DeviceFaults : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceFaults, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

/// The first error that the communicator has by itself, within a few seconds.
strettoResult_t async_error(strettoComm_t comm) {
  strettoResult_t result = strettoSuccess;
  for (int i = 0; i < 1000 && result == strettoSuccess; ++i) {
    EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return result;
}

/// All ranks with a stream and a value each, driven by one thread.
class Reducers {
 public:
  explicit Reducers(DeviceRanks& ranks) : ranks_(ranks) {
    for (int rank = 0; rank < ranks.n(); ++rank) {
      values_.push_back(std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1));
      streams_.push_back(ranks.stream(rank));
    }
  }
  strettoResult_t issue(int rank) {
    const auto i = static_cast<std::size_t>(rank);
    return strettoAllReduce(values_[i]->get(), values_[i]->get(), 1, strettoInt64, strettoSum, ranks_.comm(rank),
                            streams_[i]->handle());
  }
  void synchronize() {
    for (const auto& stream : streams_) stream->synchronize();
  }

 private:
  DeviceRanks& ranks_;
  std::vector<std::unique_ptr<DeviceBuffer>> values_;
  std::vector<std::unique_ptr<TestStream>> streams_;
};

TEST_P(DeviceFaults, RankThatDoesNotCome_IsNamedWithOperationAndStep) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 200;
  DeviceRanks ranks(*gpus_, 2, config);
  DeviceBuffer value(ranks.gpus(), 0, 1);
  const auto stream = ranks.stream(0);
  ASSERT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, ranks.comm(0), stream->handle()),
            strettoSuccess);
  EXPECT_EQ(async_error(ranks.comm(0)), strettoTimeout);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 1) << strettoGetLastError(ranks.comm(0));
  EXPECT_EQ(info.operation, 0);
  EXPECT_GE(info.step, 0);
  EXPECT_STREQ(info.name, "all_reduce");
  stream->synchronize();
  EXPECT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, ranks.comm(0), stream->handle()),
            strettoTimeout);
}

TEST_P(DeviceFaults, RanksThatDisagree_AreToldWhatEachCalled) {
  struct Case {
    std::size_t counts[2];
    strettoRedOp_t ops[2];
    const char* field;
  };
  for (const Case& c :
       {Case{{10, 10}, {strettoSum, strettoMax}, "op"}, Case{{10, 70'000}, {strettoSum, strettoSum}, "count"},
        Case{{10, 11}, {strettoSum, strettoSum}, "count"}}) {
    DeviceRanks ranks(*gpus_, 2);
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto r = static_cast<std::size_t>(rank);
      const auto stream = ranks.stream(rank);
      DeviceBuffer value(ranks.gpus(), ranks.device(rank), 70'000);
      ASSERT_EQ(strettoAllReduce(value.get(), value.get(), c.counts[r], strettoInt64, c.ops[r], comm, stream->handle()),
                strettoSuccess);
      EXPECT_EQ(async_error(comm), strettoInvalidUsage);
      EXPECT_STREQ(error_of(comm).field, c.field) << strettoGetLastError(comm);
      stream->synchronize();
    });
  }
}

TEST_P(DeviceFaults, OperationAfterARankHasLeft_IsRefusedAtOnceAndNamesIt) {
  DeviceRanks ranks(*gpus_, 3);
  Reducers reducers(ranks);
  // What all issue before one leaves is done.
  for (int rank = 0; rank < 3; ++rank) ASSERT_EQ(reducers.issue(rank), strettoSuccess);
  ranks.destroy(2);
  EXPECT_EQ(reducers.issue(0), strettoRemoteError);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 2) << strettoGetLastError(ranks.comm(0));
  EXPECT_EQ(info.operation, 1);
  EXPECT_STREQ(info.name, "all_reduce");
  EXPECT_EQ(async_error(ranks.comm(1)), strettoRemoteError) << "a fault is everyone's";
  reducers.synchronize();
}

TEST_P(DeviceFaults, ReceiveOfAnotherSizeThanTheSend_IsAnError) {
  for (const auto& [sent, received] : {std::pair{1000UL, 500UL}, {500UL, 1000UL}, {1000UL, 300'000UL}}) {
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.data_timeout_ms = 3000;  // what was sent by another protocol is found when the wait is looked at
    DeviceRanks ranks(*gpus_, 2, config);
    std::atomic<int> failed{0};
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto stream = ranks.stream(rank);
      DeviceBuffer value(ranks.gpus(), ranks.device(rank), 300'000);
      if (rank == 0) {
        ASSERT_EQ(strettoSend(value.get(), sent, strettoInt64, 1, comm, stream->handle()), strettoSuccess);
        return stream->synchronize();
      }
      ASSERT_EQ(strettoRecv(value.get(), received, strettoInt64, 0, comm, stream->handle()), strettoSuccess);
      if (async_error(comm) != strettoSuccess) ++failed;
      stream->synchronize();
    });
    EXPECT_EQ(failed, 1) << sent << " and " << received;
  }
}

TEST_P(DeviceFaults, Abort_EndsWhatRunsThereAndElsewhere) {
  DeviceRanks ranks(*gpus_, 3);
  Reducers reducers(ranks);
  for (const int rank : {0, 2}) ASSERT_EQ(reducers.issue(rank), strettoSuccess);
  EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(async_error(ranks.comm(0)), strettoAborted);
  EXPECT_EQ(async_error(ranks.comm(2)), strettoRemoteError);
  EXPECT_EQ(error_of(ranks.comm(2)).peer, 0) << strettoGetLastError(ranks.comm(2));
  reducers.synchronize();
}

TEST_P(DeviceFaults, CaptureThatIsBroken_IsRefusedAndHarmsNothing) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    DeviceBuffer value(ranks.gpus(), ranks.device(rank), 1);
    value.fill({rank + 1});
    const auto all_reduce = [&] {
      return strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, comm, stream->handle());
    };
    stream->begin_capture();
    ASSERT_EQ(all_reduce(), strettoSuccess) << strettoGetLastError(comm);
    stream->break_capture([&] {
      EXPECT_EQ(all_reduce(), strettoInvalidUsage);
      EXPECT_STREQ(error_of(nullptr).field, "stream") << strettoGetLastError(nullptr);
    });
    ASSERT_EQ(all_reduce(), strettoSuccess) << strettoGetLastError(comm);
    stream->synchronize();
    EXPECT_EQ(value.read(), Buffer{3});
  });
}

TEST_P(DeviceFaults, HostAndDeviceInOne_IsRefused) {
  const int devices[2] = {0, STRETTO_DEVICE_HOST};
  strettoComm_t comms[2] = {};
  EXPECT_EQ(strettoCommInitAll(comms, 2, devices), strettoInvalidUsage);
  EXPECT_STREQ(error_of(nullptr).field, "device") << strettoGetLastError(nullptr);
}

TEST_P(DeviceFaults, DeviceThatIsNot_IsRefused) {
  const int device = 1000;
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitAll(&comm, 1, &device), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "device") << strettoGetLastError(nullptr);
}

}  // namespace
}  // namespace stretto
