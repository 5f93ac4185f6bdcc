// Pre-multiplied sums whose scalar lies in device memory: read by the kernel, in the stream's turn, at each replay.
// What the same sum makes of the same scalar from the host is held to the oracle elsewhere (device_sweep_test.cpp).
#include <random>
#include <string>

#include "base/datatypes.hpp"
#include "device_ranks.hpp"

namespace stretto {
namespace {

class DeviceScalars : public OnGpus {};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceScalars, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

/// An operation that reads its scalar where it is told, for a scope.
class PreMulSum {
 public:
  PreMulSum(const void* scalar, strettoDataType_t type, strettoScalarResidence_t residence, strettoComm_t comm)
      : comm_(comm) {
    EXPECT_EQ(strettoRedOpCreatePreMulSum(&op_, const_cast<void*>(scalar), type, residence, comm), strettoSuccess)
        << strettoGetLastError(nullptr);
  }
  ~PreMulSum() { EXPECT_EQ(strettoRedOpDestroy(op_, comm_), strettoSuccess); }
  PreMulSum(const PreMulSum&) = delete;
  PreMulSum& operator=(const PreMulSum&) = delete;
  strettoRedOp_t get() const { return op_; }

 private:
  strettoComm_t comm_;
  strettoRedOp_t op_{};
};

Buffer random_words(std::mt19937_64& random, std::size_t count) {
  Buffer words(count);
  for (std::int64_t& word : words) word = static_cast<std::int64_t>(random());
  return words;
}

TEST_P(DeviceScalars, OfEveryType_GiveTheBitsOfScalarsOfTheHost) {
  for (const int n : {2, 3}) {
    DeviceRanks ranks(*gpus_, n);
    ranks.run([&](int rank, strettoComm_t comm) {
      std::mt19937_64 random(static_cast<unsigned>(rank) + 11);
      const auto stream = ranks.stream(rank);
      DeviceBuffer scalar(ranks.gpus(), ranks.device(rank), 1);
      for (int type = 0; type < strettoNumDataTypes; ++type) {
        const auto of_type = static_cast<strettoDataType_t>(type);
        for (const std::size_t words : {1UL, 50UL, 9000UL}) {  // an exchange, and programs of both protocols
          const std::size_t count = words * 8 / data_type_bytes(of_type);
          DeviceBuffer in(ranks.gpus(), ranks.device(rank), words);
          DeviceBuffer from_host(ranks.gpus(), ranks.device(rank), words);
          DeviceBuffer from_device(ranks.gpus(), ranks.device(rank), words);
          in.fill(random_words(random, words));
          const Buffer factor = random_words(random, 1);
          scalar.fill(factor);
          const PreMulSum host_op(factor.data(), of_type, strettoScalarHostImmediate, comm);
          const PreMulSum device_op(scalar.get(), of_type, strettoScalarDevice, comm);
          const auto sum = [&](const DeviceBuffer& to, strettoRedOp_t op) {
            EXPECT_EQ(strettoAllReduce(in.get(), to.get(), count, of_type, op, comm, stream->handle()), strettoSuccess)
                << strettoGetLastError(comm);
          };
          sum(from_host, host_op.get());
          sum(from_device, device_op.get());
          stream->synchronize();
          ASSERT_EQ(from_device.read(), from_host.read()) << data_type_name(of_type) << " words=" << words;
        }
      }
    });
  }
}

TEST_P(DeviceScalars, WrittenByAnEarlierOperation_AreReadInTheStreamsTurn) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    for (const std::size_t count : {3UL, 30'000UL}) {
      DeviceBuffer scalar(ranks.gpus(), ranks.device(rank), 1);
      DeviceBuffer values(ranks.gpus(), ranks.device(rank), count);
      const PreMulSum op(scalar.get(), strettoInt64, strettoScalarDevice, comm);
      scalar.fill({rank == 0 ? 1000 : 7});
      values.fill(Buffer(count, rank + 1));
      ASSERT_EQ(strettoBroadcast(scalar.get(), scalar.get(), 1, strettoInt64, 1, comm, stream->handle()),
                strettoSuccess);
      ASSERT_EQ(strettoAllReduce(values.get(), values.get(), count, strettoInt64, op.get(), comm, stream->handle()),
                strettoSuccess);
      stream->synchronize();
      EXPECT_EQ(values.read(), Buffer(count, 7 * (1 + 2))) << "rank " << rank;
    }
  });
}

TEST_P(DeviceScalars, ChangedBetweenReplays_CountAtEach) {
  DeviceRanks ranks(*gpus_, 2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    for (const std::size_t count : {3UL, 30'000UL}) {
      DeviceBuffer scalar(ranks.gpus(), ranks.device(rank), 1);
      DeviceBuffer in(ranks.gpus(), ranks.device(rank), count);
      DeviceBuffer out(ranks.gpus(), ranks.device(rank), count);
      in.fill(Buffer(count, 1));
      const PreMulSum op(scalar.get(), strettoInt64, strettoScalarDevice, comm);
      stream->begin_capture();
      ASSERT_EQ(strettoAllReduce(in.get(), out.get(), count, strettoInt64, op.get(), comm, stream->handle()),
                strettoSuccess)
          << strettoGetLastError(comm);
      const auto graph = stream->end_capture();
      for (std::int64_t replay = 1; replay <= 5; ++replay) {
        scalar.fill({replay * (rank + 1)});
        stream->launch(graph);
        stream->synchronize();
        ASSERT_EQ(out.read(), Buffer(count, 3 * replay)) << "rank " << rank;
      }
    }
  });
}

TEST_P(DeviceScalars, InHostMemory_AreRefused) {
  DeviceRanks ranks(*gpus_, 1);
  const std::int64_t scalar = 3;
  const auto stream = ranks.stream(0);
  DeviceBuffer values(ranks.gpus(), ranks.device(0), 10);
  const PreMulSum op(&scalar, strettoInt64, strettoScalarDevice, ranks.comm(0));
  EXPECT_EQ(strettoAllReduce(values.get(), values.get(), 10, strettoInt64, op.get(), ranks.comm(0), stream->handle()),
            strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "scalar") << strettoGetLastError(nullptr);
}

}  // namespace
}  // namespace stretto
