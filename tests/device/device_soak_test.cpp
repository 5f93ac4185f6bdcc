// Device communicators for a long time: interleaved graphs that each rank launches in another order, eager calls
// between them, buffers that are freed and made anew, many communicators in flight, more than 4 GiB.
//
// STRETTO_TEST_REPLAYS is how many replays of graphs a rank makes: 100,000 on GPUs, and 2,000 on those of host threads.
#include <algorithm>
#include <array>
#include <barrier>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "device_ranks.hpp"

namespace stretto {
namespace {

using test::TestGraph;

class DeviceSoak : public OnGpus {
 protected:
  bool simulated() const { return std::string(GetParam().name) == "simulated"; }
  int replays() const {
    const char* const asked = std::getenv("STRETTO_TEST_REPLAYS");
    if (asked != nullptr) return std::max(1, std::atoi(asked));
    return simulated() ? 2'000 : 100'000;
  }
};
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceSoak, testing::ValuesIn(test::test_gpus_rows()), name_of_gpus);

/// A sum in which rank 0 counts once and all others twice: where all ranks have the same, it multiplies by an odd
/// number, so that no number of repetitions makes nothing of it, and each one that is lost or doubled is seen.
class OddSum {
 public:
  OddSum(strettoComm_t comm, int rank, int n) : comm_(comm), factor_(2 * n - 1) {
    std::int64_t scalar = rank == 0 ? 1 : 2;
    EXPECT_EQ(strettoRedOpCreatePreMulSum(&op_, &scalar, strettoInt64, strettoScalarHostImmediate, comm),
              strettoSuccess);
  }
  ~OddSum() { EXPECT_EQ(strettoRedOpDestroy(op_, comm_), strettoSuccess); }
  OddSum(const OddSum&) = delete;
  OddSum& operator=(const OddSum&) = delete;
  strettoRedOp_t op() const { return op_; }
  std::uint64_t factor() const { return static_cast<std::uint64_t>(factor_); }

 private:
  strettoComm_t comm_;
  int factor_;
  strettoRedOp_t op_{};
};

/// One graph of a rank with its stream and its buffers, and what it should have made of them.
class SoakGraph {
 public:
  /// By which collectives the values are multiplied.
  enum class Way : std::uint8_t { all_reduce, reduce_scatter_and_all_gather, reduce_and_broadcast };

  SoakGraph(DeviceRanks& ranks, int rank, const OddSum& sum, int number)
      : sum_(sum),
        n_(static_cast<std::size_t>(ranks.n())),
        block_(kBlocks[static_cast<std::size_t>(number) % kBlocks.size()]),
        stream_(ranks.stream(rank)),
        values_(ranks.gpus(), ranks.device(rank), n_ * block_),
        other_(ranks.gpus(), ranks.device(rank), n_ * block_) {
    for (std::size_t i = 0; i < n_ * block_; ++i) expected_.push_back(static_cast<std::int64_t>(i * 1'000'003 + 1));
    values_.fill(expected_);
    stream_->begin_capture();
    issue(static_cast<Way>(number % 3), rank, ranks.comm(rank));
    graph_ = stream_->end_capture();
  }

  void launch() {
    stream_->launch(graph_);
    ++launches_;
  }
  void synchronize() { stream_->synchronize(); }
  /// What is due since the last look, of the values and of nothing else.
  bool is_right() {
    synchronize();
    std::uint64_t factor = 1;
    for (; launches_ > 0; --launches_) factor *= sum_.factor();
    for (std::int64_t& value : expected_) {
      value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) * factor);
    }
    return values_.read() == expected_;
  }

 private:
  static constexpr std::array<std::size_t, 4> kBlocks{1, 700, 40, 5000};

  void issue(Way way, int rank, strettoComm_t comm) {
    const strettoStream_t stream = stream_->handle();
    std::int64_t* const all = values_.get();
    std::int64_t* const own = all + static_cast<std::size_t>(rank) * block_;
    std::int64_t* const other = other_.get();
    const std::size_t count = n_ * block_;
    const int root = static_cast<int>(n_) - 1;
    if (way == Way::all_reduce) {
      // One rank is in place and the others are not; where they are not, the next operation brings it back.
      std::int64_t* const middle = rank == 0 ? all : other;
      expect(strettoAllReduce(all, middle, count, strettoInt64, sum_.op(), comm, stream));
      expect(strettoAllToAll(middle, rank == 0 ? other : all, block_, strettoInt64, comm, stream));
      expect(strettoAllToAll(rank == 0 ? other : all, middle, block_, strettoInt64, comm, stream));
      expect(
          strettoAllGather(middle + static_cast<std::size_t>(rank) * block_, all, block_, strettoInt64, comm, stream));
    } else if (way == Way::reduce_scatter_and_all_gather) {
      expect(strettoReduceScatter(all, own, block_, strettoInt64, sum_.op(), comm, stream));
      expect(strettoAllGather(own, all, block_, strettoInt64, comm, stream));
    } else {
      expect(strettoReduce(all, other, count, strettoInt64, sum_.op(), root, comm, stream));
      expect(strettoBroadcast(other, all, count, strettoInt64, root, comm, stream));
    }
  }
  static void expect(strettoResult_t result) { EXPECT_EQ(result, strettoSuccess) << strettoGetLastError(nullptr); }

  const OddSum& sum_;
  std::size_t n_;
  std::size_t block_;
  std::unique_ptr<TestStream> stream_;
  DeviceBuffer values_;
  DeviceBuffer other_;
  Buffer expected_;
  std::shared_ptr<TestGraph> graph_;
  int launches_ = 0;
};

/// Calls outside of graphs, on a buffer that moves.
class EagerCalls {
 public:
  EagerCalls(DeviceRanks& ranks, int rank, const OddSum& sum)
      : ranks_(ranks), rank_(rank), sum_(sum), stream_(ranks.stream(rank)), values_(1, 3) {
    move(1);
  }
  /// No other rank may be waiting for a kernel: freeing waits for the device.
  void move(std::size_t count) {
    stream_->synchronize();
    buffer_.reset();
    ranks_.gpus().trim();
    buffer_ = std::make_unique<DeviceBuffer>(ranks_.gpus(), ranks_.device(rank_), count);
    values_.assign(count, values_[0]);
    buffer_->fill(values_);
  }
  void call() {
    const strettoComm_t comm = ranks_.comm(rank_);
    EXPECT_EQ(strettoAllReduce(buffer_->get(), buffer_->get(), values_.size(), strettoInt64, sum_.op(), comm,
                               stream_->handle()),
              strettoSuccess)
        << strettoGetLastError(comm);
    const auto next = static_cast<std::uint64_t>(values_[0]) * sum_.factor();
    values_.assign(values_.size(), static_cast<std::int64_t>(next));
  }
  bool is_right() {
    stream_->synchronize();
    return buffer_->read() == values_;
  }

 private:
  DeviceRanks& ranks_;
  int rank_;
  const OddSum& sum_;
  std::unique_ptr<TestStream> stream_;
  std::unique_ptr<DeviceBuffer> buffer_;
  Buffer values_;
};

/// One rank of the soak. Which graphs are launched how often is drawn from `common`, the order from the rank's own.
class SoakRank {
 public:
  SoakRank(DeviceRanks& ranks, int rank, std::barrier<>& together)
      : rank_(rank),
        together_(together),
        sum_(ranks.comm(rank), rank, ranks.n()),
        eager_(ranks, rank, sum_),
        common_(20261126),
        own_(static_cast<unsigned>(rank) + 1) {
    for (int i = 0; i < kGraphs; ++i) graphs_.push_back(std::make_unique<SoakGraph>(ranks, rank, sum_, i));
  }

  void run(int replays) {
    for (int batch = 0; replays > 0; ++batch) {
      const std::vector<std::size_t> order =
          draw_order(std::min(replays, 1 + static_cast<int>(common_() % kMostAtOnce)));
      replays -= static_cast<int>(order.size());
      const std::size_t eager_calls = common_() % 4;
      const std::size_t eager_at = own_() % order.size();
      for (std::size_t i = 0; i < order.size(); ++i) {
        if (i == eager_at) repeat(eager_calls);
        graphs_[order[i]]->launch();
      }
      // Not before: each rank would wait for another's launches, which come behind its own wait.
      for (const auto& graph : graphs_) graph->synchronize();
      check(own_() % kGraphs);
      if (batch % 4 == 3) move_buffers();
    }
    for (std::size_t i = 0; i < kGraphs; ++i) check(i);
    EXPECT_TRUE(eager_.is_right()) << "eager calls, rank " << rank_;
    together_.arrive_and_wait();  // before anything is freed
  }

 private:
  static constexpr int kGraphs = 6;
  static constexpr int kMostAtOnce = 240;

  std::vector<std::size_t> draw_order(int count) {
    std::vector<std::size_t> order;
    for (int i = 0; i < count; ++i) order.push_back(common_() % kGraphs);
    std::shuffle(order.begin(), order.end(), own_);
    return order;
  }
  void repeat(std::size_t calls) {
    for (std::size_t i = 0; i < calls; ++i) eager_.call();
  }
  void check(std::size_t graph) {
    if (!wrong_) wrong_ = !graphs_[graph]->is_right();
    EXPECT_FALSE(wrong_) << "graph " << graph << ", rank " << rank_;
  }
  void move_buffers() {
    EXPECT_TRUE(eager_.is_right()) << "eager calls, rank " << rank_;
    together_.arrive_and_wait();
    eager_.move(1 + common_() % 3000);
    together_.arrive_and_wait();
  }

  int rank_;
  std::barrier<>& together_;
  OddSum sum_;
  EagerCalls eager_;
  std::mt19937 common_;
  std::mt19937 own_;
  std::vector<std::unique_ptr<SoakGraph>> graphs_;
  bool wrong_ = false;
};

TEST_P(DeviceSoak, InterleavedGraphs_AreReplayedInAnotherOrderByEachRank) {
  for (const int n : {2, 3}) {
    DeviceRanks ranks(*gpus_, n);
    std::barrier together(n);
    const int each = n == 2 ? replays() : replays() / 10;
    ranks.run([&](int rank, strettoComm_t) { SoakRank(ranks, rank, together).run(each); });
    if (HasFailure()) return;
  }
}

TEST_P(DeviceSoak, BuffersFreedAndMadeAnew_BetweenCalls) {
  const int rounds = simulated() ? 100 : 1000;
  DeviceRanks ranks(*gpus_, 3);
  std::barrier together(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    std::mt19937 common(5);
    const OddSum sum(comm, rank, 3);
    EagerCalls calls(ranks, rank, sum);
    for (int round = 0; round < rounds; ++round) {
      calls.move(1 + common() % (round % 10 == 0 ? 60'000 : 600));
      together.arrive_and_wait();
      calls.call();
      calls.call();
      EXPECT_TRUE(calls.is_right()) << "rank " << rank << " round " << round;
      together.arrive_and_wait();
    }
  });
}

TEST_P(DeviceSoak, ManyCommunicatorsInFlight_IssuedInOppositeOrders) {
  const std::size_t communicators = simulated() ? 12 : 64;
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.max_channels = 1;
  std::vector<std::unique_ptr<DeviceRanks>> all;
  for (std::size_t i = 0; i < communicators; ++i) all.push_back(std::make_unique<DeviceRanks>(*gpus_, 2, config));
  std::barrier together(2);
  all[0]->run([&](int rank, strettoComm_t) {
    std::vector<std::unique_ptr<TestStream>> streams;
    std::vector<std::unique_ptr<DeviceBuffer>> buffers;
    for (const auto& ranks : all) {
      streams.push_back(ranks->stream(rank));
      buffers.push_back(std::make_unique<DeviceBuffer>(ranks->gpus(), ranks->device(rank), 100));
    }
    for (int round = 0; round < 10; ++round) {
      for (std::size_t i = 0; i < communicators; ++i) buffers[i]->fill(Buffer(100, round + static_cast<int>(i) + rank));
      for (std::size_t k = 0; k < communicators; ++k) {
        const std::size_t i = rank == 0 ? k : communicators - 1 - k;
        std::int64_t* const values = buffers[i]->get();
        EXPECT_EQ(
            strettoAllReduce(values, values, 100, strettoInt64, strettoSum, all[i]->comm(rank), streams[i]->handle()),
            strettoSuccess)
            << strettoGetLastError(nullptr);
      }
      for (std::size_t i = 0; i < communicators; ++i) {
        streams[i]->synchronize();
        EXPECT_EQ(buffers[i]->read(), Buffer(100, 2 * (round + static_cast<int>(i)) + 1))
            << "communicator " << i << ", round " << round << ", rank " << rank;
      }
    }
    together.arrive_and_wait();  // before anything is freed
  });
}

/// Needs memory that only GPUs have.
class DeviceLarge : public OnGpus {};
std::vector<test::TestGpusRow> real_gpus() {
  std::vector<test::TestGpusRow> rows;
  for (const test::TestGpusRow& row : test::test_gpus_rows()) {
    if (std::string(row.name) != "simulated") rows.push_back(row);
  }
  return rows;
}
INSTANTIATE_TEST_SUITE_P(Gpus, DeviceLarge, testing::ValuesIn(real_gpus()), name_of_gpus);

/// Bytes whose period, a prime, fits no power of two, in runs of whole periods: what lands elsewhere differs.
class Pattern {
 public:
  explicit Pattern(unsigned seed) {
    std::mt19937_64 random(seed);
    for (std::size_t i = 0; i < kPeriod; ++i) bytes_.push_back(static_cast<std::uint8_t>(random()));
    bytes_.resize(kRun + kPeriod);
    for (std::size_t at = kPeriod; at < bytes_.size(); at += kPeriod) std::memcpy(&bytes_[at], bytes_.data(), kPeriod);
  }
  void fill(TestGpus& gpus, std::byte* memory, std::size_t count) const {
    for (std::size_t at = 0; at < count; at += kRun) {
      gpus.upload(memory + at, bytes_.data(), std::min(kRun, count - at));
    }
  }
  /// Whether `memory` holds the pattern from `origin` on, in a slice that ends at `count` at the latest.
  bool is_at(TestGpus& gpus, const std::byte* memory, std::size_t origin, std::size_t count) const {
    std::vector<std::uint8_t> slice(std::min(kSlice, count));
    gpus.download(slice.data(), memory, slice.size());
    return std::memcmp(slice.data(), &bytes_[origin % kPeriod], slice.size()) == 0;
  }
  static constexpr std::size_t kSlice = 65'536;

 private:
  static constexpr std::size_t kPeriod = 1'000'003;
  static constexpr std::size_t kRun = 64 * kPeriod;
  std::vector<std::uint8_t> bytes_;
};

/// Begins, ends, where numbers of 31 and 32 bits end, and any.
std::vector<std::size_t> places_to_look(std::size_t bytes) {
  std::mt19937_64 random(20261126);
  std::vector<std::size_t> places{0, bytes - Pattern::kSlice, (std::size_t{1} << 31) - 100,
                                  (std::size_t{1} << 32) - 100};
  for (int i = 0; i < 300; ++i) places.push_back(random() % (bytes - Pattern::kSlice));
  return places;
}

/// First a broadcast of all of it, then each rank's half, from another pattern, to both.
TEST_P(DeviceLarge, MoreThanFourGigabytes_Arrive) {
  constexpr std::size_t kHalf = (std::size_t{1} << 31) + 123'457;
  constexpr std::size_t kBytes = 2 * kHalf;
  if (gpus_->free_bytes(0) < std::size_t{12} << 30) GTEST_SKIP() << "needs 12 GiB of free memory of the GPU";
  DeviceRanks ranks(*gpus_, 2);
  std::barrier together(2);
  const Pattern first(1);
  const Pattern second(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    const auto stream = ranks.stream(rank);
    const DeviceBuffer buffer(*gpus_, ranks.device(rank), kBytes / 8 + 1);
    auto* const memory = reinterpret_cast<std::byte*>(buffer.get());
    if (rank == 1) first.fill(*gpus_, memory, kBytes);
    EXPECT_EQ(strettoBroadcast(memory, memory, kBytes, strettoUint8, 1, comm, stream->handle()), strettoSuccess);
    stream->synchronize();
    for (const std::size_t at : places_to_look(kBytes)) {
      EXPECT_TRUE(first.is_at(*gpus_, memory + at, at, kBytes - at)) << "broadcast: byte " << at << ", rank " << rank;
    }
    std::byte* const own = memory + static_cast<std::size_t>(rank) * kHalf;
    (rank == 0 ? first : second).fill(*gpus_, own, kHalf);
    EXPECT_EQ(strettoAllGather(own, memory, kHalf, strettoUint8, comm, stream->handle()), strettoSuccess);
    stream->synchronize();
    for (const std::size_t at : places_to_look(kBytes)) {
      const bool low = at < kHalf;
      const std::size_t origin = low ? at : at - kHalf;
      EXPECT_TRUE((low ? first : second).is_at(*gpus_, memory + at, origin, kHalf - origin))
          << "all-gather: byte " << at << ", rank " << rank;
    }
    together.arrive_and_wait();  // before anything is freed
  });
}

}  // namespace
}  // namespace stretto
