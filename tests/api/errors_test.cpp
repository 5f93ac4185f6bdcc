// Bad input and bad luck through the C API: every rank gets an error whose fields say what and who.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include "support/threads.hpp"

namespace stretto {
namespace {

using Call = std::function<strettoResult_t(int rank, const float* in, float* out, strettoComm_t comm)>;

struct Disagreement {
  const char* field;
  const char* sides[2];  ///< how the two calls stand in the text
  Call call;
};

strettoResult_t reduce(std::size_t count, strettoDataType_t type, strettoRedOp_t op, const float* in, float* out,
                       strettoComm_t comm) {
  return strettoAllReduce(in, out, count, type, op, comm, nullptr);
}

class RanksDisagree : public testing::TestWithParam<int> {};

const std::vector<Disagreement>& disagreements() {
  static const std::vector<Disagreement> all = {
      {"count",
       {"(count=8,", "(count=9,"},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return reduce(r == 1 ? 9 : 8, strettoFloat32, strettoSum, i, o, c);
       }},
      {"count",
       {"(count=1,", "(count=100000,"},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return reduce(r == 1 ? 100'000 : 1, strettoFloat32, strettoSum, i, o, c);
       }},
      {"datatype",
       {", int32,", ", float,"},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return reduce(8, r == 0 ? strettoInt32 : strettoFloat32, strettoSum, i, o, c);
       }},
      {"op",
       {", max)", ", sum)"},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return reduce(8, strettoFloat32, r == 2 ? strettoMax : strettoSum, i, o, c);
       }},
      {"root",
       {"root=0)", "root=1)"},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return strettoBroadcast(i, o, 8, strettoFloat32, r == 2 ? 1 : 0, c, nullptr);
       }},
      {"collective",
       {"all_gather(", "all_reduce("},
       [](int r, const float* i, float* o, strettoComm_t c) {
         return r == 1 ? strettoAllGather(i, o, 8, strettoFloat32, c, nullptr)
                       : reduce(8, strettoFloat32, strettoSum, i, o, c);
       }},
  };
  return all;
}

// A rank whose own part was done may learn of it at its next call.
TEST_P(RanksDisagree, EveryRank_GetsTheFieldAndBothSides) {
  const Disagreement& disagreement = disagreements()[static_cast<std::size_t>(GetParam())];
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    std::vector<float> in(300'000, 1.0F);
    std::vector<float> out(300'000);
    strettoResult_t result = disagreement.call(rank, in.data(), out.data(), comm);
    if (result == strettoSuccess) result = reduce(4, strettoFloat32, strettoSum, in.data(), out.data(), comm);
    EXPECT_EQ(result, strettoInvalidUsage) << "rank " << rank;
    const strettoErrorInfo_t info = error_of(comm);
    EXPECT_STREQ(info.field, disagreement.field) << info.text;
    EXPECT_EQ(info.rank, rank);
    EXPECT_GE(info.peer, 0) << info.text;
    EXPECT_NE(info.peer, rank) << info.text;
    EXPECT_NE(std::strstr(info.text, "the ranks disagree"), nullptr) << info.text;
    for (const char* side : {disagreement.sides[0], disagreement.sides[1]}) {
      EXPECT_NE(std::strstr(info.text, side), nullptr) << side << ": " << info.text;
    }
    EXPECT_EQ(reduce(4, strettoFloat32, strettoSum, in.data(), out.data(), comm), strettoInvalidUsage)
        << "stays faulted";
  });
}

INSTANTIATE_TEST_SUITE_P(Fields, RanksDisagree, testing::Range(0, 6));

TEST(Abort, FromAnotherThread_EndsTheCallHereAndIsNamedThere) {
  ThreadRanks ranks(3);
  std::atomic<int> waiting{0};
  std::thread aborter([&] {
    while (waiting.load() < 2) std::this_thread::yield();
    EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
    EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess) << "repeatedly";
  });
  ranks.run([&](int rank, strettoComm_t comm) {
    if (rank == 2) return;  // never comes
    float in = 1.0F;
    float out = 0.0F;
    ++waiting;
    const strettoResult_t result = reduce(1, strettoFloat32, strettoSum, &in, &out, comm);
    EXPECT_EQ(result, rank == 0 ? strettoAborted : strettoRemoteError) << strettoGetLastError(comm);
    if (rank == 1) {
      EXPECT_EQ(error_of(comm).peer, 0);
    }
  });
  aborter.join();
  strettoResult_t async_error = strettoSuccess;
  EXPECT_EQ(strettoCommGetAsyncError(ranks.comm(0), &async_error), strettoSuccess);
  EXPECT_EQ(async_error, strettoAborted);
}

// Whether asked right away, or after a call or a group was refused for it.
TEST(Abort, HeardOfBetweenCalls_IsToldInThisRanksWords) {
  for (const bool calls : {false, true}) {
    ThreadRanks ranks(3);
    ranks.run([](int, strettoComm_t each) { EXPECT_EQ(strettoBarrier(each, nullptr), strettoSuccess); });
    EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
    strettoComm_t comm = ranks.comm(2);
    strettoResult_t heard = strettoSuccess;
    while (heard == strettoSuccess) {
      ASSERT_EQ(strettoCommGetAsyncError(comm, &heard), strettoSuccess);
      std::this_thread::yield();
    }
    EXPECT_EQ(heard, strettoRemoteError);
    if (calls) {
      float value = 1.0F;
      strettoGroupStart();
      reduce(1, strettoFloat32, strettoSum, &value, &value, comm);
      EXPECT_EQ(strettoGroupEnd(), strettoRemoteError);
    }
    EXPECT_EQ(error_of(comm).rank, 2) << error_of(comm).text;
    EXPECT_EQ(error_of(comm).peer, 0) << error_of(comm).text;
    EXPECT_NE(std::strstr(error_of(comm).text, "rank 2"), nullptr) << error_of(comm).text;
  }
}

TEST(Destroy, WhileAnotherRankStillCalls_IsNamedThere) {
  ThreadRanks ranks(2);
  ranks.destroy(1);
  float in = 1.0F;
  float out = 0.0F;
  EXPECT_EQ(reduce(1, strettoFloat32, strettoSum, &in, &out, ranks.comm(0)), strettoRemoteError);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 1) << info.text;
  EXPECT_EQ(info.operation, 0);
}

TEST(Deadline, OfACall_NamesThePeerThatDoesNotCome) {
  ThreadRanks ranks(2);
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  call.deadline_ms = 50;
  float in = 1.0F;
  float out = 0.0F;
  EXPECT_EQ(strettoAllReduceConfig(&in, &out, 1, strettoFloat32, strettoSum, ranks.comm(0), nullptr, &call),
            strettoTimeout);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 1) << info.text;
  EXPECT_EQ(info.operation, 0);
  EXPECT_STREQ(info.name, "all_reduce");
  // Rank 0's data was there, so rank 1's first call may succeed; the word of the fault comes soon.
  strettoResult_t told = strettoSuccess;
  for (int i = 0; i < 100'000 && told == strettoSuccess; ++i) {
    std::this_thread::yield();
    EXPECT_EQ(strettoCommGetAsyncError(ranks.comm(1), &told), strettoSuccess);
  }
  EXPECT_EQ(told, strettoTimeout);
  EXPECT_EQ(reduce(1, strettoFloat32, strettoSum, &in, &out, ranks.comm(1)), strettoTimeout);
}

TEST(Deadline, OfARankAtTheEndOfARow_NamesTheOneAtItsHead) {
  ThreadRanks ranks(3);
  float received[2] = {0.0F, 0.0F};
  std::jthread middle([&] {
    const float sent = 1.0F;
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);
    EXPECT_EQ(strettoSend(&sent, 1, strettoFloat32, 0, ranks.comm(1), nullptr), strettoSuccess);
    EXPECT_EQ(strettoRecv(&received[1], 1, strettoFloat32, 2, ranks.comm(1), nullptr), strettoSuccess);
    EXPECT_EQ(strettoGroupEnd(), strettoTimeout);
  });
  // What it sent says that it is in its operation.
  ASSERT_EQ(strettoRecv(&received[0], 1, strettoFloat32, 1, ranks.comm(0), nullptr), strettoSuccess);
  strettoCallConfig_t call = STRETTO_CALL_CONFIG_INITIALIZER;
  call.deadline_ms = 1000;
  EXPECT_EQ(strettoRecvConfig(&received[0], 1, strettoFloat32, 1, ranks.comm(0), nullptr, &call), strettoTimeout);
  const strettoErrorInfo_t info = error_of(ranks.comm(0));
  EXPECT_EQ(info.peer, 2) << info.text;
  EXPECT_NE(std::strstr(info.text, "for rank 1 on host"), nullptr) << info.text;
  EXPECT_NE(std::strstr(info.text, "and rank 1 in turn for rank 2"), nullptr) << info.text;
  EXPECT_NE(std::strstr(info.text, "that rank lives, but has not begun this call"), nullptr) << info.text;
  middle.join();
  EXPECT_EQ(error_of(ranks.comm(1)).peer, 2) << error_of(ranks.comm(1)).text;
}

TEST(Setup, RankThatNeverComes_IsNamedByTheDeadline) {
  strettoUniqueId id{};
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.setup_timeout_ms = 300;
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitRankConfig(&comm, 2, id, 0, &config), strettoTimeout) << strettoGetLastError(nullptr);
  EXPECT_EQ(comm, nullptr);
  const strettoErrorInfo_t info = error_of(nullptr);
  EXPECT_EQ(info.peer, 1) << info.text;
}

}  // namespace
}  // namespace stretto
