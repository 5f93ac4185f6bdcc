// Debug mode finds nothing where nothing is wrong: every collective, every checked kind of type, in place and not,
// blocks of equal and of unequal sizes, alone, in groups, fused and in streams.
#include <gtest/gtest.h>

#include <cstdlib>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

void expect_ok(strettoResult_t result, strettoComm_t comm) {
  EXPECT_EQ(result, strettoSuccess) << strettoGetLastError(comm);
}

/// One rank's calls, over buffers of its own of one type.
template <typename T>
class Caller {
 public:
  Caller(int rank, int n, std::size_t count, strettoDataType_t type, strettoComm_t comm, strettoStream_t stream)
      : rank_(rank), n_(n), count_(count), type_(type), comm_(comm), stream_(stream) {
    const std::size_t most = (count + 3) * (static_cast<std::size_t>(n) + 1);
    in_.assign(most, static_cast<T>(rank + 1));
    out_.assign(most, T{});
  }

  void equal_blocks(int root, strettoRedOp_t op) {
    const std::size_t own = static_cast<std::size_t>(rank_) * count_;
    ok(strettoAllReduce(in(), out(), count_, type_, op, comm_, stream_));
    ok(strettoAllReduce(out(), out(), count_, type_, strettoMax, comm_, stream_));
    ok(strettoReduce(in(), out(), count_, type_, op, root, comm_, stream_));
    ok(strettoReduce(in(), in(), count_, type_, strettoMin, root, comm_, stream_));
    ok(strettoBroadcast(in(), out(), count_, type_, root, comm_, stream_));
    ok(strettoBroadcast(in(), in(), count_, type_, root, comm_, stream_));
    ok(strettoAllGather(in(), out(), count_, type_, comm_, stream_));
    ok(strettoAllGather(out() + own, out(), count_, type_, comm_, stream_));
    ok(strettoReduceScatter(in(), out(), count_, type_, strettoMax, comm_, stream_));
    ok(strettoReduceScatter(out(), out() + own, count_, type_, strettoMin, comm_, stream_));
    ok(strettoGather(in(), out(), count_, type_, root, comm_, stream_));
    ok(strettoGather(out() + own, out(), count_, type_, root, comm_, stream_));
    ok(strettoScatter(in(), out(), count_, type_, root, comm_, stream_));
    ok(strettoScatter(out(), out() + own, count_, type_, root, comm_, stream_));
    ok(strettoAllToAll(in(), out(), count_, type_, comm_, stream_));
    ok(strettoBarrier(comm_, stream_));
  }

  void unequal_blocks() {
    const auto n = static_cast<std::size_t>(n_);
    std::vector<std::size_t> counts(n);
    std::vector<std::size_t> starts(n);  // with gaps
    for (std::size_t r = 0; r < n; ++r) {
      counts[r] = r % 2 == 0 ? count_ : count_ / 3;
      starts[r] = r * (count_ + 3);
    }
    const auto own = static_cast<std::size_t>(rank_);
    ok(strettoAllGatherV(in(), out(), counts.data(), starts.data(), type_, comm_, stream_));
    ok(strettoAllGatherV(out() + starts[own], out(), counts.data(), starts.data(), type_, comm_, stream_));
    ok(strettoReduceScatterV(in(), out(), counts.data(), type_, strettoMax, comm_, stream_));
    const std::vector<std::size_t> all_own(n, counts[own]);  // each gets as much of us as we give it
    ok(strettoAllToAllV(in(), counts.data(), starts.data(), out(), all_own.data(), starts.data(), type_, comm_,
                        stream_));
  }

  void pairs() {
    ok(strettoGroupStart());
    for (int message = 0; message < 2; ++message) {
      ok(strettoSend(in(), count_, type_, (rank_ + 1) % n_, comm_, stream_));
      ok(strettoRecv(out() + static_cast<std::size_t>(message) * count_, count_, type_, (rank_ + n_ - 1) % n_, comm_,
                     stream_));
    }
    ok(strettoGroupEnd());
  }

  /// Small operations of one kind, which are fused, and others.
  void group() {
    ok(strettoGroupStart());
    for (std::size_t i = 0; i < 3 && i < count_; ++i) {
      ok(strettoAllReduce(in() + i, out() + i, 1, type_, strettoMax, comm_, stream_));
      ok(strettoAllReduce(out() + 3 + i, out() + 3 + i, 1, type_, strettoMax, comm_, stream_));
    }
    ok(strettoBroadcast(in(), in(), count_, type_, 0, comm_, stream_));
    ok(strettoGroupEnd());
  }

  void multiplied() {
    T scalar{2};
    strettoRedOp_t op{};
    ok(strettoRedOpCreatePreMulSum(&op, &scalar, type_, strettoScalarHostImmediate, comm_));
    ok(strettoAllReduce(in(), out(), count_, type_, op, comm_, stream_));
    ok(strettoRedOpDestroy(op, comm_));
  }

 private:
  T* in() { return in_.data(); }
  T* out() { return out_.data(); }
  void ok(strettoResult_t result) { expect_ok(result, comm_); }

  int rank_;
  int n_;
  std::size_t count_;
  strettoDataType_t type_;
  strettoComm_t comm_;
  strettoStream_t stream_;
  std::vector<T> in_;
  std::vector<T> out_;
};

template <typename T>
void call_everything(int rank, int n, std::size_t count, strettoDataType_t type, strettoComm_t comm,
                     strettoStream_t stream) {
  Caller<T> caller(rank, n, count, type, comm, stream);
  for (const strettoRedOp_t op : {strettoSum, strettoProd, strettoAvg}) caller.equal_blocks(n - 1, op);
  caller.unequal_blocks();
  caller.pairs();
  caller.group();
  caller.multiplied();
  if (stream != nullptr) expect_ok(strettoStreamSynchronize(stream), comm);
}

class DebugClean : public testing::TestWithParam<const char*> {};

TEST_P(DebugClean, EveryCollective_RaisesNoAlarm) {
  for (const int n : {1, 2, 3, 5}) {
    setenv("STRETTO_DEBUG", "checksum,nan-error", 1);  // of what would only be reported, an error too
    setenv("STRETTO_ALGORITHM", GetParam(), 1);
    ThreadRanks ranks(n);
    unsetenv("STRETTO_DEBUG");
    unsetenv("STRETTO_ALGORITHM");
    for (const std::size_t count : {0UL, 1UL, 6UL, 20'011UL}) {
      ranks.run([&](int rank, strettoComm_t comm) {
        TestStream stream;
        call_everything<float>(rank, n, count, strettoFloat32, comm, nullptr);
        call_everything<std::int32_t>(rank, n, count, strettoInt32, comm, stream);
        call_everything<std::uint8_t>(rank, n, count, strettoUint8, comm, nullptr);
      });
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, DebugClean, testing::Values("", "ring", "tree", "one_shot", "two_shot"),
                         [](const auto& instance) {
                           return *instance.param == '\0' ? std::string("planned") : std::string(instance.param);
                         });

}  // namespace
}  // namespace stretto
