// Groups of calls of device communicators: what is wrong with one of them is found before any is launched, and what
// they keep until then is each one's own.
#include <algorithm>

#include "device_ranks.hpp"

namespace stretto {
namespace {

class DeviceGroups : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceGroups, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

/// A rank's part in a group: a sum that is as it should be, and something else.
class Grouped {
 public:
  Grouped(DeviceRanks& ranks, int rank)
      : comm_(ranks.comm(rank)), value_(ranks.gpus(), ranks.device(rank), 1), stream_(ranks.stream(rank)) {
    value_.fill({1});
  }

  void sum() const { EXPECT_EQ(sum_in(*stream_), strettoSuccess) << strettoGetLastError(nullptr); }
  strettoResult_t sum_in(TestStream& stream) const {
    return strettoAllReduce(value_.get(), value_.get(), 1, strettoInt64, strettoSum, comm_, stream.handle());
  }
  /// A group of the sum and what `other` calls, which is refused for `field`.
  template <typename Other>
  void refused(strettoResult_t code, const char* field, const Other& other) const {
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);
    sum();
    other();
    EXPECT_EQ(strettoGroupEnd(), code);
    EXPECT_STREQ(error_of(nullptr).field, field) << strettoGetLastError(nullptr);
    stream_->synchronize();
    EXPECT_EQ(value_.read(), Buffer{1}) << "what came first was launched";
  }
  /// Then the communicator is as good as ever.
  void goes_on(int n) const {
    sum();
    stream_->synchronize();
    EXPECT_EQ(value_.read(), Buffer{n});
  }

  strettoComm_t comm() const { return comm_; }
  std::int64_t* value() const { return value_.get(); }
  TestStream& stream() const { return *stream_; }

 private:
  strettoComm_t comm_;
  DeviceBuffer value_;
  std::unique_ptr<TestStream> stream_;
};

TEST_P(DeviceGroups, MemoryOfAnotherKindInALaterCall_RefusesAllOfTheGroup) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const Grouped own(ranks, rank);
    std::int64_t on_host = 5;
    own.refused(strettoInvalidArgument, "recvbuff", [&] {
      EXPECT_EQ(strettoAllReduce(own.value(), &on_host, 1, strettoInt64, strettoSum, comm, own.stream().handle()),
                strettoSuccess);
    });
    // Sends and receives are launched before the sum: these are as they should be, but what follows is not.
    DeviceBuffer got(ranks.gpus(), ranks.device(rank), 1);
    got.fill({-1});
    own.refused(strettoInvalidArgument, "sendbuff", [&] {
      EXPECT_EQ(strettoSend(own.value(), 1, strettoInt64, 1 - rank, comm, own.stream().handle()), strettoSuccess);
      EXPECT_EQ(strettoRecv(got.get(), 1, strettoInt64, 1 - rank, comm, own.stream().handle()), strettoSuccess);
      EXPECT_EQ(strettoBroadcast(&on_host, own.value(), 1, strettoInt64, rank, comm, own.stream().handle()),
                strettoSuccess);
    });
    EXPECT_EQ(got.read(), Buffer{-1});
    EXPECT_EQ(on_host, 5);
    own.goes_on(2);
  });
}

TEST_P(DeviceGroups, BadCallOfAnotherCommunicator_RefusesAllOfTheGroup) {
  DeviceRanks ranks(*gpus_, 2);
  const Grouped first(ranks, 0);
  const Grouped second(ranks, 1);
  std::int64_t on_host = 5;
  first.refused(strettoInvalidArgument, "sendbuff", [&] {
    EXPECT_EQ(strettoAllReduce(&on_host, second.value(), 1, strettoInt64, strettoSum, second.comm(),
                               second.stream().handle()),
              strettoSuccess);
  });
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  first.sum();
  second.sum();
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  for (const Grouped* each : {&first, &second}) each->stream().synchronize();
  ranks.run([&](int rank, strettoComm_t) { (rank == 0 ? first : second).goes_on(4); });
}

TEST_P(DeviceGroups, MessagesToOneselfThatDoNotMatch_RefuseAllOfTheGroup) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const Grouped own(ranks, rank);
    DeviceBuffer got(ranks.gpus(), ranks.device(rank), 2);
    own.refused(strettoInvalidUsage, "count", [&] {
      EXPECT_EQ(strettoSend(own.value(), 1, strettoInt64, rank, comm, own.stream().handle()), strettoSuccess);
      EXPECT_EQ(strettoRecv(got.get(), 2, strettoInt64, rank, comm, own.stream().handle()), strettoSuccess);
    });
    own.goes_on(2);
  });
}

TEST_P(DeviceGroups, StreamThatCannotTakeALaterCall_RefusesAllOfTheGroup) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t) {
    const Grouped own(ranks, rank);
    const auto broken = ranks.stream(rank);
    broken->begin_capture();
    broken->break_capture(
        [&] { own.refused(strettoInvalidUsage, "stream", [&] { EXPECT_EQ(own.sum_in(*broken), strettoSuccess); }); });
    own.goes_on(2);
  });
}

TEST_P(DeviceGroups, SendsInACapturedStreamAndInAnotherOne_AreRefused) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const Grouped own(ranks, rank);
    DeviceBuffer got(ranks.gpus(), ranks.device(rank), 1);
    const auto captured = ranks.stream(rank);
    captured->begin_capture();
    own.refused(strettoInvalidUsage, "stream", [&] {
      EXPECT_EQ(strettoSend(own.value(), 1, strettoInt64, 1 - rank, comm, own.stream().handle()), strettoSuccess);
      EXPECT_EQ(strettoRecv(got.get(), 1, strettoInt64, 1 - rank, comm, captured->handle()), strettoSuccess);
    });
    captured->end_capture();
    own.goes_on(2);
  });
}

/// Each is bound before any is launched: none must have what the other one was bound to.
TEST_P(DeviceGroups, CallsOfUnequalBlocks_KeepTheirOwnSizes) {
  DeviceRanks ranks(*gpus_, 2);
  const std::vector<std::size_t> small = {1, 2};
  const std::vector<std::size_t> large = {700, 300};
  const std::vector<std::size_t> after_small = {0, 1};
  const std::vector<std::size_t> after_large = {0, 700};
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto r = static_cast<std::size_t>(rank);
    for (const bool is_captured : {false, true}) {
      const auto stream = ranks.stream(rank);
      DeviceBuffer in(ranks.gpus(), ranks.device(rank), 700);
      DeviceBuffer few(ranks.gpus(), ranks.device(rank), 3);
      DeviceBuffer many(ranks.gpus(), ranks.device(rank), 1000);
      in.fill(Buffer(700, rank + 1));
      if (is_captured) stream->begin_capture();
      ASSERT_EQ(strettoGroupStart(), strettoSuccess);
      ASSERT_EQ(strettoAllGatherV(in.get(), few.get(), small.data(), after_small.data(), strettoInt64, comm,
                                  stream->handle()),
                strettoSuccess);
      ASSERT_EQ(strettoAllGatherV(in.get(), many.get(), large.data(), after_large.data(), strettoInt64, comm,
                                  stream->handle()),
                strettoSuccess);
      ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
      if (is_captured) stream->launch(stream->end_capture());
      stream->synchronize();
      EXPECT_EQ(few.read(), (Buffer{1, 2, 2})) << "rank " << r;
      Buffer expected(1000, 1);
      std::fill(expected.begin() + 700, expected.end(), 2);
      EXPECT_EQ(many.read(), expected) << "rank " << r;
    }
  });
}

}  // namespace
}  // namespace stretto
