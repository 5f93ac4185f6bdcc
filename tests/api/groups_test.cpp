// Groups through the C API: one thread that drives several ranks, nesting, errors, fused operations, set-ups.
#include <gtest/gtest.h>

#include <random>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;

strettoResult_t sum(const std::vector<std::int64_t>& in, std::vector<std::int64_t>& out, strettoComm_t comm,
                    strettoStream_t stream = nullptr) {
  return strettoAllReduce(in.data(), out.data(), in.size(), strettoInt64, strettoSum, comm, stream);
}

TEST(Groups, OneThread_DrivesEightRanks) {
  constexpr int kRanks = 8;
  ThreadRanks ranks(kRanks);
  for (const std::size_t count : {1UL, 1000UL, 100'000UL}) {
    std::vector<std::vector<std::int64_t>> in(kRanks, std::vector<std::int64_t>(count));
    std::vector<std::vector<std::int64_t>> out(kRanks, std::vector<std::int64_t>(count, kPoison));
    ASSERT_EQ(strettoGroupStart(), strettoSuccess);
    for (int rank = 0; rank < kRanks; ++rank) {
      const auto i = static_cast<std::size_t>(rank);
      std::fill(in[i].begin(), in[i].end(), 1 << rank);
      ASSERT_EQ(sum(in[i], out[i], ranks.comm(rank)), strettoSuccess);
      EXPECT_EQ(out[i].front(), kPoison) << "nothing runs before the end";
    }
    ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
    for (const auto& result : out) EXPECT_EQ(result, std::vector<std::int64_t>(count, 255));
  }
}

TEST(Groups, OneStream_RunsAllRanksOfAGroup) {
  constexpr int kRanks = 4;
  ThreadRanks ranks(kRanks);
  TestStream stream;
  std::vector<std::vector<std::int64_t>> in(kRanks, {3});
  std::vector<std::vector<std::int64_t>> out(kRanks, {kPoison});
  StreamGate gate;
  gate.close(stream);
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (std::size_t i = 0; i < kRanks; ++i)
    ASSERT_EQ(sum(in[i], out[i], ranks.comm(static_cast<int>(i)), stream), strettoSuccess);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess);
  EXPECT_EQ(out[0][0], kPoison) << "the end does not wait for streams";
  gate.open();
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  for (const auto& result : out) EXPECT_EQ(result[0], 12);
}

TEST(Groups, SeveralStreamsOfOneCommunicator_AllWaitForTheGroup) {
  ThreadRanks ranks(2);
  ranks.run([](int rank, strettoComm_t comm) {
    TestStream streams[3];
    std::vector<std::int64_t> a{1};
    std::vector<std::int64_t> b{kPoison};
    std::vector<std::int64_t> c{10};
    std::vector<std::int64_t> d{kPoison};
    ASSERT_EQ(strettoGroupStart(), strettoSuccess);
    // Which streams is a rank's own affair.
    ASSERT_EQ(sum(a, b, comm, streams[rank]), strettoSuccess);
    ASSERT_EQ(sum(c, d, comm, streams[2]), strettoSuccess);
    ASSERT_EQ(strettoGroupEnd(), strettoSuccess);
    EXPECT_EQ(strettoStreamSynchronize(streams[2]), strettoSuccess);
    EXPECT_EQ(b[0], 2);
    EXPECT_EQ(d[0], 20);
  });
}

TEST(Groups, Nested_RunAtTheOutermostEnd) {
  ThreadRanks ranks(1);
  std::vector<std::int64_t> in{5};
  std::vector<std::int64_t> out{kPoison};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  ASSERT_EQ(sum(in, out, ranks.comm(0)), strettoSuccess);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess);
  EXPECT_EQ(out[0], kPoison);
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess);
  EXPECT_EQ(out[0], 5);
  EXPECT_EQ(strettoGroupEnd(), strettoInvalidUsage) << "none is open";
  EXPECT_STREQ(error_of(nullptr).field, "group");
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << "with nothing in it";
}

TEST(Groups, RefusedCall_DropsTheWholeGroup) {
  ThreadRanks ranks(2);
  TestStream stream;
  std::vector<std::int64_t> in{5};
  std::vector<std::int64_t> out{kPoison};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  ASSERT_EQ(sum(in, out, ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(strettoAllReduce(nullptr, out.data(), 1, strettoInt64, strettoSum, ranks.comm(0), nullptr),
            strettoInvalidArgument)
      << "at once";
  ASSERT_EQ(sum(in, out, ranks.comm(1)), strettoSuccess);
  EXPECT_EQ(strettoGroupEnd(), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "sendbuff");
  EXPECT_EQ(out[0], kPoison);

  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  ASSERT_EQ(sum(in, out, ranks.comm(0)), strettoSuccess);
  EXPECT_EQ(sum(in, out, ranks.comm(0), stream), strettoInvalidUsage) << "with and without a stream";
  EXPECT_EQ(strettoGroupEnd(), strettoInvalidUsage);
  EXPECT_STREQ(error_of(nullptr).field, "stream");

  std::vector<std::int64_t> outs[2] = {{kPoison}, {kPoison}};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (int rank = 0; rank < 2; ++rank) ASSERT_EQ(sum(in, outs[rank], ranks.comm(rank)), strettoSuccess);
  EXPECT_EQ(strettoGroupEnd(), strettoSuccess) << "the next group is whole: " << strettoGetLastError(nullptr);
  EXPECT_EQ(outs[0][0], 10);
  EXPECT_EQ(outs[1][0], 10);
}

// Sizes around the bounds of fusing, types and operations mixed, roots, in place and not.
TEST(Groups, RandomGroups_EqualSingleCalls) {
  const unsigned seed = 4242;
  for (const int n : {1, 2, 3, 5}) {
    ThreadRanks ranks(n);
    for (unsigned round = 0; round < 12; ++round) {
      ranks.run([&](int rank, strettoComm_t comm) {
        std::mt19937 random(seed + round);  // the same on all ranks
        struct Call {
          std::vector<std::int64_t> in;
          std::vector<std::int64_t> out;
          std::vector<std::int64_t> expected;
        };
        std::vector<Call> calls(1 + random() % 40);
        ASSERT_EQ(strettoGroupStart(), strettoSuccess);
        for (Call& call : calls) {
          const std::size_t counts[] = {0, 1, 7, 100, 1023, 1024, 1025, 5000};
          const std::size_t count = counts[random() % 8];
          const auto kind = random() % 5;
          const int root = static_cast<int>(random() % static_cast<unsigned>(n));
          const auto salt = static_cast<std::int64_t>(random() % 1000);
          const auto value = [&](int of, std::size_t i) { return salt * (of + 1) + static_cast<std::int64_t>(i); };
          call.out.assign(count, kPoison);
          for (std::size_t i = 0; i < count; ++i) {
            call.in.push_back(value(rank, i));
            std::int64_t total = 0;
            for (int of = 0; of < n; ++of) total += value(of, i);
            call.expected.push_back(kind < 3 ? total : kind == 3 ? value(n - 1, i) : value(root, i));
          }
          if (kind < 3) {
            ASSERT_EQ(sum(call.in, call.out, comm), strettoSuccess);
          } else if (kind == 3) {
            ASSERT_EQ(strettoAllReduce(call.in.data(), call.out.data(), count, strettoInt64, strettoMax, comm, nullptr),
                      strettoSuccess);
          } else {
            ASSERT_EQ(strettoBroadcast(call.in.data(), call.out.data(), count, strettoInt64, root, comm, nullptr),
                      strettoSuccess);
          }
        }
        ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(comm);
        for (std::size_t i = 0; i < calls.size(); ++i) {
          EXPECT_EQ(calls[i].out, calls[i].expected) << "seed " << seed + round << " n " << n << " call " << i;
        }
      });
    }
  }
}

TEST(Groups, RanksWhoseGroupsDiffer_AreTold) {
  ThreadRanks ranks(2);
  ranks.run([](int rank, strettoComm_t comm) {
    std::vector<std::int64_t> in(4);
    std::vector<std::int64_t> out(4);
    strettoResult_t result = strettoSuccess;
    for (int i = 0; i < 2 && result == strettoSuccess; ++i) {  // whose part of the first was done hears in the second
      ASSERT_EQ(strettoGroupStart(), strettoSuccess);
      ASSERT_EQ(sum(in, out, comm), strettoSuccess);
      if (rank == 0) {
        ASSERT_EQ(sum(in, out, comm), strettoSuccess);
      }
      result = strettoGroupEnd();
    }
    EXPECT_EQ(result, strettoInvalidUsage);
    EXPECT_STREQ(error_of(comm).field, "count") << strettoGetLastError(comm);
  });
}

TEST(Groups, OneThread_MakesAllRanks) {
  constexpr int kRanks = 4;
  strettoUniqueId id;
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoComm_t comms[kRanks] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (int rank = 0; rank < kRanks; ++rank) {
    ASSERT_EQ(strettoCommInitRank(&comms[rank], kRanks, id, rank), strettoSuccess);
    EXPECT_EQ(comms[rank], nullptr);
  }
  ASSERT_EQ(strettoGroupEnd(), strettoSuccess) << strettoGetLastError(nullptr);
  for (int rank = 0; rank < kRanks; ++rank) {
    int mine = -1;
    ASSERT_EQ(strettoCommUserRank(comms[rank], &mine), strettoSuccess);
    EXPECT_EQ(mine, rank);
  }
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(Groups, SetupThatFails_GivesNoHandle) {
  strettoUniqueId id;
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoComm_t comms[2] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  ASSERT_EQ(strettoCommInitRank(&comms[0], 1, id, 0), strettoSuccess);
  EXPECT_EQ(strettoCommInitRank(&comms[1], 2, id, 2), strettoInvalidArgument);
  EXPECT_EQ(strettoGroupEnd(), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "rank");
  EXPECT_EQ(comms[0], nullptr);
}

TEST(Groups, SimulatedEnd_TellsATimeAndRunsNothing) {
  ThreadRanks ranks(2);
  const auto price = [&](std::size_t count) {
    std::vector<std::int64_t> in(count, 1);
    std::vector<std::int64_t> out(count, kPoison);
    double time_us = -1;
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);
    for (int rank = 0; rank < 2; ++rank) {
      EXPECT_EQ(sum(in, out, ranks.comm(rank)), strettoSuccess);
      EXPECT_EQ(strettoSend(in.data(), count, strettoInt64, 1 - rank, ranks.comm(rank), nullptr), strettoSuccess);
    }
    EXPECT_EQ(strettoGroupStart(), strettoSuccess);
    EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoSuccess) << "an inner end";
    EXPECT_EQ(time_us, -1) << "tells nothing";
    EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoSuccess) << strettoGetLastError(nullptr);
    EXPECT_EQ(out.front(), kPoison) << "nothing runs";
    return time_us;
  };
  const double small_us = price(1);
  const double large_us = price(1 << 20);
  EXPECT_GT(small_us, 0);
  EXPECT_GT(large_us, 100 * small_us);
  ranks.run([](int, strettoComm_t comm) {  // and what was forgotten is not in the way of what comes
    std::vector<std::int64_t> out{2};
    EXPECT_EQ(sum(out, out, comm), strettoSuccess);
    EXPECT_EQ(out[0], 4);
  });
}

TEST(Groups, SimulatedEndOfWhatCannotBe_IsRefused) {
  double time_us = -1;
  EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoInvalidUsage) << "no group is open";
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  EXPECT_EQ(strettoGroupSimulateEnd(nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "time_us");
  EXPECT_EQ(strettoGroupEnd(), strettoInvalidUsage) << "it was closed all the same";
  strettoUniqueId id;
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  strettoComm_t comms[2] = {};
  ASSERT_EQ(strettoGroupStart(), strettoSuccess);
  for (int rank = 0; rank < 2; ++rank) ASSERT_EQ(strettoCommInitRank(&comms[rank], 2, id, rank), strettoSuccess);
  EXPECT_EQ(strettoGroupSimulateEnd(&time_us), strettoInvalidUsage);
  EXPECT_STREQ(error_of(nullptr).field, "group");
  EXPECT_EQ(comms[0], nullptr);
  EXPECT_EQ(time_us, -1);
}

}  // namespace
}  // namespace stretto
