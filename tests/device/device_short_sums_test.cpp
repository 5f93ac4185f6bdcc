// Device communicators whose ranks run the smallest all-reduces in the kernel for them: all of them, some, or none. The
// bits are the same, eager and in graphs, and so is what is said where something goes wrong.
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/datatypes.hpp"
#include "device_ranks.hpp"
#include "reduce/arithmetic_oracle.hpp"
#include "simulated_gpus.hpp"

namespace stretto {
namespace {

using Bytes = std::vector<std::byte>;

/// STRETTO_TEST_SHORT_SUM for communicators that are made while this lives: which ranks run that kernel.
class Knob {
 public:
  explicit Knob(const char* value) {
    if (const char* const was = std::getenv(kName); was != nullptr) was_ = was;
    setenv(kName, value, 1);
  }
  ~Knob() { was_ ? setenv(kName, was_->c_str(), 1) : unsetenv(kName); }
  Knob(const Knob&) = delete;
  Knob& operator=(const Knob&) = delete;

 private:
  static constexpr const char* kName = "STRETTO_TEST_SHORT_SUM";
  std::optional<std::string> was_;
};
constexpr const char* kNone = "0";
constexpr const char* kAll = "1";
constexpr const char* kOdd = "2";

class DeviceShortSums : public OnGpus {
 protected:
  bool simulated() const { return std::string(GetParam().name) == "simulated"; }
};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceShortSums, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

constexpr std::size_t kMemory_bytes = 40 << 10;
constexpr std::size_t kOthers_bytes = 32 << 10;  ///< where sums out of place begin
constexpr strettoRedOp_t kOps[] = {strettoSum, strettoProd, strettoMax, strettoMin, strettoAvg};

/// One rank's part in sums of all types, operations and some sizes: the same for whichever kernels.
class SumsOfOneRank {
 public:
  SumsOfOneRank(DeviceRanks& ranks, int rank, bool in_graphs)
      : ranks_(ranks),
        in_graphs_(in_graphs),
        comm_(ranks.comm(rank)),
        rank_(rank),
        buffer_(ranks.gpus(), ranks.device(rank), kMemory_bytes / 8),
        memory_(reinterpret_cast<std::byte*>(buffer_.get())),
        stream_(ranks.stream(rank)) {}

  /// All of the memory, after each.
  std::vector<Bytes> run() {
    std::vector<Bytes> all;
    for (int type = 0; type < strettoNumDataTypes; ++type) {
      for (const strettoRedOp_t op : kOps) {
        std::mt19937_64 random(static_cast<std::uint64_t>(type * 10 + op));  // equal on all ranks
        const std::size_t element_bytes = data_type_bytes(static_cast<strettoDataType_t>(type));
        const std::size_t counts[] = {1,
                                      8 / element_bytes,
                                      1 + random() % 40,
                                      584 / element_bytes,
                                      4096 / element_bytes,
                                      1 + (8192 + random() % 20'000) / element_bytes};
        const Sums sums{static_cast<strettoDataType_t>(type), op, counts[random() % 6], counts[random() % 5]};
        all.push_back(eager(sums));
        if (in_graphs_) all.push_back(captured(sums));
      }
    }
    return all;
  }

 private:
  struct Sums {
    strettoDataType_t type;
    strettoRedOp_t op;
    std::size_t first;
    std::size_t second;
  };

  /// Twice in place, one upon the other, with no more between them; and elsewhere, off their alignment.
  void issue(const Sums& sums) {
    const std::size_t shift = data_type_bytes(sums.type);
    for (int i = 0; i < 2; ++i) all_reduce(sums, 0, 0, sums.first);
    all_reduce(sums, kOthers_bytes, kOthers_bytes + 4088 + shift % 8, std::min<std::size_t>(sums.second, 4000 / shift));
  }
  void all_reduce(const Sums& sums, std::size_t from, std::size_t to, std::size_t count) {
    EXPECT_EQ(strettoAllReduce(memory_ + from, memory_ + to, count, sums.type, sums.op, comm_, stream_->handle()),
              strettoSuccess)
        << strettoGetLastError(comm_);
  }
  Bytes eager(const Sums& sums) {
    fill(sums);
    issue(sums);
    return read();
  }
  Bytes captured(const Sums& sums) {
    stream_->begin_capture();
    issue(sums);
    const auto graph = stream_->end_capture();
    fill(sums);
    for (int i = 0; i < 2; ++i) stream_->launch(graph);
    return read();
  }
  void fill(const Sums& sums) {
    std::mt19937_64 random(static_cast<std::uint64_t>(rank_ + 100 * sums.type));
    const std::vector<oracle::Code> hard = oracle::hard_values(sums.type);
    const std::size_t element_bytes = data_type_bytes(sums.type);
    Bytes values(kMemory_bytes);
    for (std::size_t at = 0; at < values.size(); at += element_bytes) {
      const oracle::Code code = random() % 8 != 0 ? random() : hard[random() % hard.size()];
      std::memcpy(values.data() + at, &code, element_bytes);
    }
    ranks_.gpus().upload(memory_, values.data(), values.size());
  }
  Bytes read() {
    stream_->synchronize();
    Bytes values(kMemory_bytes);
    ranks_.gpus().download(values.data(), memory_, values.size());
    return values;
  }

  DeviceRanks& ranks_;
  bool in_graphs_;
  strettoComm_t comm_;
  int rank_;
  DeviceBuffer buffer_;
  std::byte* memory_;
  std::unique_ptr<TestStream> stream_;
};

/// By rank.
std::vector<std::vector<Bytes>> sums_by(const char* knob, TestGpus& gpus, int n, bool in_graphs) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = "one_shot";  // which sums in rank order by either kernel, and whatever does not fit
  const Knob set(knob);
  DeviceRanks ranks(gpus, n, config);
  std::vector<std::vector<Bytes>> results(static_cast<std::size_t>(n));
  ranks.run([&](int rank, strettoComm_t) {
    results[static_cast<std::size_t>(rank)] = SumsOfOneRank(ranks, rank, in_graphs).run();
  });
  return results;
}

TEST_P(DeviceShortSums, AllTypesAndOperations_GiveTheExchangesBits) {
#if defined(__SANITIZE_THREAD__)
  const std::vector<int> numbers = {2, 3};  // 8 ranks are ten times as many threads, and take minutes
#else
  const std::vector<int> numbers = {2, 3, 8};
#endif
  for (const int n : numbers) {
    // Graphs of many ranks that share a GPU may come behind one another (docs/devices.md).
    const bool in_graphs = simulated() || n <= 3;
    const std::uint64_t before = test::simulated_short_sums();
    const auto expected = sums_by(kNone, *gpus_, n, in_graphs);
    EXPECT_EQ(test::simulated_short_sums(), before) << "it is off unless asked for";
    for (const char* knob : {kAll, kOdd}) {
      const std::uint64_t launched = test::simulated_short_sums();
      const auto found = sums_by(knob, *gpus_, n, in_graphs);
      EXPECT_TRUE(!simulated() || test::simulated_short_sums() > launched) << "none ran";
      for (std::size_t rank = 0; rank < expected.size(); ++rank) {
        for (std::size_t i = 0; i < expected[rank].size(); ++i) {
          const std::size_t sums = in_graphs ? i / 2 : i;
          ASSERT_EQ(found[rank][i], expected[rank][i])
              << "n=" << n << " knob " << knob << " rank " << rank << " type " << sums / std::size(kOps) << " "
              << red_op_name(kOps[sums % std::size(kOps)]) << (in_graphs && i % 2 == 1 ? " captured" : " eager");
        }
      }
    }
  }
}

/// The first error that the communicator has by itself, within a few seconds.
strettoResult_t async_error(strettoComm_t comm) {
  strettoResult_t result = strettoSuccess;
  for (int i = 0; i < 1000 && result == strettoSuccess; ++i) {
    EXPECT_EQ(strettoCommGetAsyncError(comm, &result), strettoSuccess);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return result;
}

TEST_P(DeviceShortSums, RankThatDoesNotCome_IsNamedAsByTheExchange) {
  std::vector<strettoErrorInfo_t> by_kernel;
  for (const char* knob : {kNone, kAll}) {
    const Knob set(knob);
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.data_timeout_ms = 200;
    DeviceRanks ranks(*gpus_, 2, config);
    DeviceBuffer value(ranks.gpus(), 0, 1);
    const auto stream = ranks.stream(0);
    ASSERT_EQ(strettoAllReduce(value.get(), value.get(), 1, strettoInt64, strettoSum, ranks.comm(0), stream->handle()),
              strettoSuccess);
    EXPECT_EQ(async_error(ranks.comm(0)), strettoTimeout);
    by_kernel.push_back(error_of(ranks.comm(0)));
    stream->synchronize();
  }
  EXPECT_EQ(by_kernel[1].peer, 1);
  EXPECT_EQ(by_kernel[1].peer, by_kernel[0].peer);
  EXPECT_EQ(by_kernel[1].step, by_kernel[0].step);
  EXPECT_EQ(by_kernel[1].operation, by_kernel[0].operation);
}

TEST_P(DeviceShortSums, RanksThatDisagree_AreToldWhoeverRunsWhat) {
  for (const char* knob : {kAll, kOdd}) {
    const Knob set(knob);
    DeviceRanks ranks(*gpus_, 2);
    ranks.run([&](int rank, strettoComm_t comm) {
      const auto stream = ranks.stream(rank);
      DeviceBuffer value(ranks.gpus(), ranks.device(rank), 16);
      ASSERT_EQ(strettoAllReduce(value.get(), value.get(), rank == 0 ? 10 : 11, strettoInt64, strettoSum, comm,
                                 stream->handle()),
                strettoSuccess);
      EXPECT_EQ(async_error(comm), strettoInvalidUsage);
      EXPECT_STREQ(error_of(comm).field, "count") << strettoGetLastError(comm);
      stream->synchronize();
    });
  }
}

TEST_P(DeviceShortSums, Abort_EndsWhatRunsThereAndElsewhere) {
  const Knob set(kAll);
  DeviceRanks ranks(*gpus_, 3);
  std::vector<std::unique_ptr<DeviceBuffer>> values;
  std::vector<std::unique_ptr<TestStream>> streams;
  for (int rank = 0; rank < 3; ++rank) {
    values.push_back(std::make_unique<DeviceBuffer>(ranks.gpus(), ranks.device(rank), 1));
    streams.push_back(ranks.stream(rank));
  }
  for (const std::size_t rank : {0U, 2U}) {
    std::int64_t* const at = values[rank]->get();
    ASSERT_EQ(strettoAllReduce(at, at, 1, strettoInt64, strettoSum, ranks.comm(static_cast<int>(rank)),
                               streams[rank]->handle()),
              strettoSuccess);
  }
  EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(async_error(ranks.comm(0)), strettoAborted);
  EXPECT_EQ(async_error(ranks.comm(2)), strettoRemoteError);
  for (const auto& stream : streams) stream->synchronize();
}

}  // namespace
}  // namespace stretto
