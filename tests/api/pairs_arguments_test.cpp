// Wrong arguments of sends, receives and the v-variants: each is refused at once, by the name of the argument, and the
// communicator can still be used.
#include <gtest/gtest.h>

#include <numeric>

#include "support/threads.hpp"

namespace stretto {
namespace {

using Counts = std::vector<std::size_t>;

constexpr std::size_t kTooMany = SIZE_MAX / 8;

/// One rank of two; what it is asked for is wrong whatever the other does.
class PairArguments : public testing::Test {
 protected:
  void expect_refused(strettoResult_t result, const char* field) {
    EXPECT_EQ(result, strettoInvalidArgument) << field;
    EXPECT_STREQ(error_of(nullptr).field, field) << error_of(nullptr).text;
    EXPECT_NE(error_of(nullptr).text[0], '\0');
  }
  strettoResult_t gather_v(const void* in, void* out, const std::size_t* counts, const std::size_t* places) {
    return strettoAllGatherV(in, out, counts, places, strettoInt32, comm_, nullptr);
  }
  strettoResult_t scatter_v(const void* in, void* out, const std::size_t* counts) {
    return strettoReduceScatterV(in, out, counts, strettoInt32, strettoSum, comm_, nullptr);
  }
  strettoResult_t to_all_v(const void* in, const std::size_t* sent, const std::size_t* from, void* out,
                           const std::size_t* received, const std::size_t* to) {
    return strettoAllToAllV(in, sent, from, out, received, to, strettoInt32, comm_, nullptr);
  }
  void TearDown() override {
    ranks_.run([](int, strettoComm_t comm) { EXPECT_EQ(strettoBarrier(comm, nullptr), strettoSuccess); });
  }

  ThreadRanks ranks_{2};
  strettoComm_t comm_ = ranks_.comm(0);
  std::int32_t in_[16] = {};
  std::int32_t out_[16] = {};
};

TEST_F(PairArguments, OfSendsAndReceives_AreRefusedByField) {
  const strettoDataType_t type = strettoNumDataTypes;
  for (const int peer : {-1, 2, 1 << 30}) {
    expect_refused(strettoSend(in_, 1, strettoInt32, peer, comm_, nullptr), "peer");
    expect_refused(strettoRecv(out_, 1, strettoInt32, peer, comm_, nullptr), "peer");
  }
  expect_refused(strettoSend(nullptr, 1, strettoInt32, 1, comm_, nullptr), "sendbuff");
  expect_refused(strettoRecv(nullptr, 1, strettoInt32, 1, comm_, nullptr), "recvbuff");
  expect_refused(strettoSend(in_, kTooMany * 4, strettoInt32, 1, comm_, nullptr), "count");
  EXPECT_EQ(strettoRecv(out_, 1, type, 1, comm_, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "datatype");
  expect_refused(strettoSend(in_, 1, strettoInt32, 1, nullptr, nullptr), "comm");
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  call.deadline_ms = 0;
  expect_refused(strettoRecvConfig(out_, 1, strettoInt32, 1, comm_, nullptr, &call), "deadline_ms");
}

TEST_F(PairArguments, ArraysThatAreNull_AreRefusedByField) {
  const Counts counts{2, 3};
  const Counts places{0, 4};
  const std::size_t* const c = counts.data();
  const std::size_t* const p = places.data();
  expect_refused(gather_v(in_, out_, nullptr, p), "recvcounts");
  expect_refused(gather_v(in_, out_, c, nullptr), "displs");
  expect_refused(gather_v(nullptr, out_, c, p), "sendbuff");
  expect_refused(gather_v(in_, nullptr, c, p), "recvbuff");
  expect_refused(scatter_v(in_, out_, nullptr), "recvcounts");
  expect_refused(scatter_v(nullptr, out_, c), "sendbuff");
  expect_refused(scatter_v(in_, nullptr, c), "recvbuff");
  expect_refused(to_all_v(in_, nullptr, p, out_, c, p), "sendcounts");
  expect_refused(to_all_v(in_, c, nullptr, out_, c, p), "sdispls");
  expect_refused(to_all_v(in_, c, p, out_, nullptr, p), "recvcounts");
  expect_refused(to_all_v(in_, c, p, out_, c, nullptr), "rdispls");
  expect_refused(to_all_v(nullptr, c, p, out_, c, p), "sendbuff");
  expect_refused(to_all_v(in_, c, p, nullptr, c, p), "recvbuff");
}

TEST_F(PairArguments, BuffersThatAreNull_AreFineWhereNothingIsThere) {
  ranks_.run([](int rank, strettoComm_t comm) {
    const Counts none{0, 0};
    std::int32_t values[4] = {1, 2, 3, 4};
    EXPECT_EQ(strettoAllGatherV(nullptr, nullptr, none.data(), none.data(), strettoInt32, comm, nullptr),
              strettoSuccess);
    EXPECT_EQ(strettoReduceScatterV(nullptr, nullptr, none.data(), strettoInt32, strettoSum, comm, nullptr),
              strettoSuccess);
    EXPECT_EQ(strettoAllToAllV(nullptr, none.data(), none.data(), nullptr, none.data(), none.data(), strettoInt32, comm,
                               nullptr),
              strettoSuccess);
    const Counts first{3, 0};  // only rank 0 gives, and only it gets
    void* const mine = rank == 0 ? values : nullptr;
    std::int32_t sum[3] = {};
    EXPECT_EQ(
        strettoReduceScatterV(values, rank == 0 ? sum : nullptr, first.data(), strettoInt32, strettoSum, comm, nullptr),
        strettoSuccess);
    std::int32_t all[3] = {};
    EXPECT_EQ(strettoAllGatherV(mine, all, first.data(), none.data(), strettoInt32, comm, nullptr), strettoSuccess);
    EXPECT_EQ(all[2], 3);
  });
}

TEST_F(PairArguments, BlocksThatOverlap_AreRefused) {
  const Counts counts{3, 3};
  const Counts apart{0, 3};
  const Counts over{0, 2};
  const Counts backwards{2, 0};
  expect_refused(gather_v(in_, out_, counts.data(), over.data()), "displs");
  expect_refused(gather_v(in_, out_, counts.data(), backwards.data()), "displs");
  expect_refused(to_all_v(in_, counts.data(), apart.data(), out_, counts.data(), over.data()), "rdispls");
}

TEST_F(PairArguments, BuffersThatOverlapOtherwiseThanInPlace_AreRefused) {
  const Counts counts{3, 4};
  const Counts places{1, 6};
  // In place is recvbuff + displs[rank]; this is one off.
  expect_refused(gather_v(out_, out_, counts.data(), places.data()), "recvbuff");
  expect_refused(gather_v(out_ + 8, out_, counts.data(), places.data()), "recvbuff");
  // In place is where this rank's block begins in sendbuff.
  expect_refused(scatter_v(in_, in_ + 2, counts.data()), "recvbuff");
  expect_refused(scatter_v(in_, in_ + 6, counts.data()), "recvbuff");
  // Never in place.
  expect_refused(to_all_v(in_, counts.data(), places.data(), in_, counts.data(), places.data()), "recvbuff");
  expect_refused(strettoAllToAll(in_, in_, 2, strettoInt32, comm_, nullptr), "recvbuff");
}

TEST_F(PairArguments, CountsThatNoMemoryHolds_AreRefused) {
  const Counts places{0, 0};
  for (const Counts& counts : {Counts{kTooMany * 2, 0}, Counts{kTooMany, kTooMany}, Counts{SIZE_MAX, 1}}) {
    expect_refused(gather_v(in_, out_, counts.data(), places.data()), "recvcounts");
    expect_refused(scatter_v(in_, out_, counts.data()), "recvcounts");
    expect_refused(to_all_v(in_, counts.data(), places.data(), out_, counts.data(), places.data()), "sendcounts");
  }
  const Counts one{1, 1};
  const Counts far{0, SIZE_MAX};
  expect_refused(gather_v(in_, out_, one.data(), far.data()), "displs");
  const Counts first_only{1, 0};  // an empty block lies nowhere
  ranks_.run([&](int, strettoComm_t comm) {
    std::int32_t got[2] = {};
    EXPECT_EQ(strettoAllGatherV(in_, got, first_only.data(), far.data(), strettoInt32, comm, nullptr), strettoSuccess);
  });
}

TEST_F(PairArguments, AllToAllVOwnBlockOfTwoSizes_IsRefused) {
  const Counts sent{1, 1};
  const Counts received{2, 1};
  const Counts places{0, 4};
  expect_refused(to_all_v(in_, sent.data(), places.data(), out_, received.data(), places.data()), "recvcounts");
}

TEST_F(PairArguments, RefusedInAGroup_SpoilsIt) {
  in_[0] = 5;
  strettoGroupStart();
  EXPECT_EQ(strettoSend(in_, 1, strettoInt32, 0, comm_, nullptr), strettoSuccess);
  EXPECT_EQ(strettoRecv(out_, 1, strettoInt32, 7, comm_, nullptr), strettoInvalidArgument);
  expect_refused(strettoGroupEnd(), "peer");
  EXPECT_EQ(out_[0], 0);
}

/// Messages to oneself in a group that do not match.
TEST(PairSelf, MessagesThatDoNotMatch_AreRefusedByField) {
  struct Case {
    const char* field;
    std::size_t sends, receives, count;
    strettoDataType_t type;
  };
  for (const Case& c : {Case{"peer", 2, 1, 1, strettoInt32}, Case{"peer", 0, 1, 1, strettoInt32},
                        Case{"count", 1, 1, 2, strettoInt32}, Case{"datatype", 1, 1, 1, strettoUint32}}) {
    ThreadRanks ranks(2);
    strettoComm_t comm = ranks.comm(1);
    std::int32_t in[2] = {1, 2};
    std::int32_t out[2] = {};
    strettoGroupStart();
    for (std::size_t i = 0; i < c.sends; ++i) EXPECT_EQ(strettoSend(in, 1, strettoInt32, 1, comm, nullptr), 0);
    for (std::size_t i = 0; i < c.receives; ++i) EXPECT_EQ(strettoRecv(out, c.count, c.type, 1, comm, nullptr), 0);
    EXPECT_EQ(strettoGroupEnd(), strettoInvalidUsage);
    EXPECT_STREQ(error_of(comm).field, c.field) << error_of(comm).text;
    EXPECT_EQ(error_of(comm).peer, 1);
    EXPECT_EQ(out[0], 0);
  }
}

}  // namespace
}  // namespace stretto
