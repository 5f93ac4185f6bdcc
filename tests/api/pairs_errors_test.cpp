// Sends, receives and the v-variants when something is wrong: ranks that disagree, that have left, that never come; and
// arguments that are refused by name.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <numeric>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using Counts = std::vector<std::size_t>;

/// Of 4 bytes each. A smaller send may end before anyone has asked for it.
constexpr std::size_t kMoreThanSlotsHold = 1 << 18;

strettoCallConfig_t deadline(int ms) {
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  call.deadline_ms = ms;
  return call;
}

/// Three ranks' calls that differ, and how the error of whoever notices is to be.
struct Disagreement {
  const char* name;
  const char* field;
  const char* sides[2];
  strettoResult_t (*call)(int rank, std::int32_t* in, std::int32_t* out, strettoComm_t comm);
};

strettoResult_t gather_v(std::int32_t* in, std::int32_t* out, const Counts& counts, strettoComm_t comm) {
  const Counts places{0, 100, 200};
  return strettoAllGatherV(in, out, counts.data(), places.data(), strettoInt32, comm, nullptr);
}

strettoResult_t scatter_v(std::int32_t* in, std::int32_t* out, const Counts& counts, strettoRedOp_t op,
                          strettoComm_t comm) {
  return strettoReduceScatterV(in, out, counts.data(), strettoInt32, op, comm, nullptr);
}

strettoResult_t to_all_v(std::int32_t* in, std::int32_t* out, const Counts& sent, const Counts& received,
                         strettoDataType_t type, strettoComm_t comm) {
  const Counts places{0, 100, 200};
  return strettoAllToAllV(in, sent.data(), places.data(), out, received.data(), places.data(), type, comm, nullptr);
}

const Disagreement kDisagreements[] = {
    {"CountsOfAllGatherV",
     "recvcounts",
     {"all_gather_v(count=9", "all_gather_v(count=8"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return gather_v(i, o, r == 2 ? Counts{3, 3, 2} : Counts{3, 3, 3}, c);
     }},
    {"ListOfAllGatherV",  // of the same sum
     "recvcounts",
     {"all_gather_v(count=9", "counts' hash"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return gather_v(i, o, r == 0 ? Counts{4, 2, 3} : Counts{3, 3, 3}, c);
     }},
    {"CountsOfReduceScatterV",
     "recvcounts",
     {"reduce_scatter_v(count=70", "reduce_scatter_v(count=71"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return scatter_v(i, o, r == 1 ? Counts{0, 71, 0} : Counts{0, 70, 0}, strettoSum, c);
     }},
    {"OperationOfReduceScatterV",
     "op",
     {", max,", ", sum,"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return scatter_v(i, o, {5, 6, 7}, r == 1 ? strettoMax : strettoSum, c);
     }},
    {"CountsOfAllToAllV",
     "recvcounts",
     {"all_to_all_v(count=4, int32) as operation 0", "all_to_all_v(count=5, int32) as operation 0"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return to_all_v(i, o, r == 1 ? Counts{5, 4, 4} : Counts{4, 4, 4}, {4, 4, 4}, strettoInt32, c);
     }},
    {"TypesOfAllToAllV",
     "datatype",
     {", int32)", ", float)"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return to_all_v(i, o, {1, 2, 3}, Counts(3, static_cast<std::size_t>(r) + 1),
                       r == 1 ? strettoFloat32 : strettoInt32, c);
     }},
    {"VAgainstPlain",
     "collective",
     {"all_gather_v(", "all_gather("},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return r == 0 ? strettoAllGather(i, o, 3, strettoInt32, c, nullptr) : gather_v(i, o, {3, 3, 3}, c);
     }},
    {"AllToAllVAgainstAllReduce",
     "collective",
     {"all_to_all_v(", "all_reduce("},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       return r == 0 ? strettoAllReduce(i, o, 3, strettoInt32, strettoSum, c, nullptr)
                     : to_all_v(i, o, {1, 1, 1}, {1, 1, 1}, strettoInt32, c);
     }},
    {"SendAgainstCollective",
     "collective",
     {"send(count=3", "all_reduce(count=3"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       strettoBarrier(c, nullptr);  // the next operation's number is no longer the next message's
       return r == 0 ? strettoSend(i, 3, strettoInt32, 1, c, nullptr)
                     : strettoAllReduce(i, o, 3, strettoInt32, strettoSum, c, nullptr);
     }},
    {"ReceiveAgainstCollective",
     "collective",
     {"send(count=3", "all_reduce(count=3"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       strettoBarrier(c, nullptr);  // the next operation's number is no longer the next message's
       return r == 0 ? strettoRecv(o, 3, strettoInt32, 1, c, nullptr)
                     : strettoAllReduce(i, o, 3, strettoInt32, strettoSum, c, nullptr);
     }},
    {"CountsOfAPair",
     "count",
     {"send(count=30000", "send(count=30001"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       if (r == 2) return strettoSuccess;
       return r == 0 ? strettoSend(i, 30'000, strettoInt32, 1, c, nullptr)
                     : strettoRecv(o, 30'001, strettoInt32, 0, c, nullptr);
     }},
    {"TypesOfAPair",
     "datatype",
     {"send(count=0, float)", "send(count=0, int32)"},
     [](int r, std::int32_t* i, std::int32_t* o, strettoComm_t c) {
       if (r == 2) return strettoSuccess;
       return r == 0 ? strettoSend(i, 0, strettoFloat32, 1, c, nullptr)
                     : strettoRecv(o, 0, strettoInt32, 0, c, nullptr);
     }},
};

class PairsDisagree : public testing::TestWithParam<Disagreement> {};

// A rank whose own part was done may learn of it at its next call, where its tag may meet that of an earlier one.
TEST_P(PairsDisagree, EveryRank_GetsTheFieldAndBothSides) {
  const Disagreement& disagreement = GetParam();
  ThreadRanks ranks(3);
  std::atomic<int> noticed{0};
  ranks.run([&](int rank, strettoComm_t comm) {
    std::vector<std::int32_t> in(30'001, 1);
    std::vector<std::int32_t> out(30'001);
    strettoResult_t result = disagreement.call(rank, in.data(), out.data(), comm);
    if (result == strettoSuccess) result = strettoBarrier(comm, nullptr);
    EXPECT_EQ(result, strettoInvalidUsage) << "rank " << rank << ": " << strettoGetLastError(comm);
    const strettoErrorInfo_t info = error_of(comm);
    EXPECT_EQ(info.rank, rank);
    EXPECT_NE(std::strstr(info.text, "the ranks disagree"), nullptr) << info.text;
    const bool both = std::strstr(info.text, disagreement.sides[0]) != nullptr &&
                      std::strstr(info.text, disagreement.sides[1]) != nullptr;
    if (both && std::strcmp(info.field, disagreement.field) == 0) ++noticed;
    const bool ran_ahead = std::strstr(info.text, "barrier(") != nullptr;
    EXPECT_TRUE(ran_ahead || both) << info.text;
    EXPECT_TRUE(ran_ahead || std::strcmp(info.field, disagreement.field) == 0) << info.field << ": " << info.text;
  });
}

INSTANTIATE_TEST_SUITE_P(Fields, PairsDisagree, testing::ValuesIn(kDisagreements),
                         [](const auto& instance) { return std::string(instance.param.name); });

TEST(PairDeadline, ReceiveThatNothingComesTo_NamesThePeer) {
  ThreadRanks ranks(3);
  const strettoCallConfig_t call = deadline(60);
  std::int32_t value = 0;
  EXPECT_EQ(strettoRecvConfig(&value, 1, strettoInt32, 2, ranks.comm(0), nullptr, &call), strettoTimeout);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 2) << info.text;
  EXPECT_EQ(info.rank, 0);
  EXPECT_NE(std::strstr(info.text, "60 ms"), nullptr) << info.text;
}

TEST(PairDeadline, SendThatNobodyTakes_NamesThePeer) {
  ThreadRanks ranks(2);
  const strettoCallConfig_t call = deadline(60);
  const std::vector<std::int32_t> values(kMoreThanSlotsHold);
  EXPECT_EQ(strettoSendConfig(values.data(), values.size(), strettoInt32, 0, ranks.comm(1), nullptr, &call),
            strettoTimeout);
  EXPECT_EQ(error_of(ranks.comm(1)).peer, 0) << strettoGetLastError(nullptr);
}

TEST(PairDeadline, AllToAllVWithoutOneRank_NamesIt) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 1) return;
    const Counts counts{1, 1, 1};
    const Counts places{0, 1, 2};
    std::int32_t in[3] = {};
    std::int32_t out[3] = {};
    const strettoCallConfig_t call = deadline(200);
    const strettoResult_t result = strettoAllToAllVConfig(in, counts.data(), places.data(), out, counts.data(),
                                                          places.data(), strettoInt32, comm, nullptr, &call);
    EXPECT_EQ(result, strettoTimeout);
    EXPECT_NE(std::strstr(error_of(comm).text, "for rank 1"), nullptr) << error_of(comm).text;
  });
}

// The longest counts: one that is not set is the communicator's own, ten minutes.
TEST(PairDeadline, OfOneCallInAGroup_DoesNotShortenTheOthers) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    std::int32_t values[2] = {7, 8};
    if (rank == 1) {
      std::this_thread::sleep_for(std::chrono::milliseconds(250));
      EXPECT_EQ(strettoSend(&values[0], 1, strettoInt32, 0, comm, nullptr), strettoSuccess);
      EXPECT_EQ(strettoSend(&values[1], 1, strettoInt32, 0, comm, nullptr), strettoSuccess);
      return;
    }
    std::int32_t got[2] = {};
    const strettoCallConfig_t call = deadline(50);
    strettoGroupStart();
    strettoRecvConfig(&got[0], 1, strettoInt32, 1, comm, nullptr, &call);
    strettoRecv(&got[1], 1, strettoInt32, 1, comm, nullptr);
    EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(comm);
    EXPECT_EQ(got[0], 7);
    EXPECT_EQ(got[1], 8);
  });
}

TEST(PairAbort, WhileAReceiveWaits_EndsItHereAndIsNamedThere) {
  ThreadRanks ranks(2);
  std::atomic<int> waiting{0};
  std::thread aborter([&] {
    while (waiting.load() < 2) std::this_thread::yield();
    EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  });
  ranks.run([&](int rank, strettoComm_t comm) {  // each waits for the other
    std::int32_t value = 0;
    ++waiting;
    const strettoResult_t result = strettoRecv(&value, 1, strettoInt32, 1 - rank, comm, nullptr);
    EXPECT_EQ(result, rank == 0 ? strettoAborted : strettoRemoteError) << strettoGetLastError(comm);
    if (rank == 1) {
      EXPECT_EQ(error_of(comm).peer, 0) << strettoGetLastError(comm);
    }
  });
  aborter.join();
}

TEST(PairDestroy, OfThePeer_EndsAReceiveAndASend) {
  for (const bool sends : {false, true}) {
    ThreadRanks ranks(3);
    ranks.destroy(1);
    std::vector<std::int32_t> values(kMoreThanSlotsHold);
    strettoComm_t comm = ranks.comm(2);
    const strettoResult_t result = sends ? strettoSend(values.data(), values.size(), strettoInt32, 1, comm, nullptr)
                                         : strettoRecv(values.data(), values.size(), strettoInt32, 1, comm, nullptr);
    EXPECT_EQ(result, strettoRemoteError);
    EXPECT_EQ(error_of(comm).peer, 1) << strettoGetLastError(comm);
  }
}

// What a rank has sent before it leaves arrives.
TEST(PairDestroy, AfterItsSends_LosesNone) {
  for (int trial = 0; trial < 20; ++trial) {
    ThreadRanks ranks(2);
    std::vector<std::int32_t> got(50'000);
    std::thread sender([&] {
      std::vector<std::int32_t> values(50'000);
      std::iota(values.begin(), values.end(), trial);
      EXPECT_EQ(strettoSend(values.data(), values.size(), strettoInt32, 0, ranks.comm(1), nullptr), strettoSuccess);
      ranks.destroy(1);
    });
    EXPECT_EQ(strettoRecv(got.data(), got.size(), strettoInt32, 1, ranks.comm(0), nullptr), strettoSuccess);
    EXPECT_EQ(got.back(), trial + 49'999);
    sender.join();
  }
}

TEST(PairStreams, RanksThatDisagree_AreToldByTheStream) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    TestStream stream;
    std::int32_t values[4] = {};
    const std::size_t count = rank == 0 ? 3 : 4;
    ASSERT_EQ(rank == 0 ? strettoSend(values, count, strettoInt32, 1, comm, stream)
                        : strettoRecv(values, count, strettoInt32, 0, comm, stream),
              strettoSuccess);
    const strettoResult_t in_stream = strettoStreamSynchronize(stream);
    const strettoResult_t next = strettoBarrier(comm, nullptr);
    EXPECT_EQ(next, strettoInvalidUsage);
    if (rank == 1) {
      EXPECT_EQ(in_stream, strettoInvalidUsage);
      EXPECT_STREQ(error_of(comm).field, "count") << error_of(comm).text;
    }
  });
}

}  // namespace
}  // namespace stretto
