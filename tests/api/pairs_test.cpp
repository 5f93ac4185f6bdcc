// Sends and receives, alone and in groups; barrier; collectives with counts of their own; pre-multiplied sums.
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <random>

#include "api/api.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using Values = std::vector<std::int32_t>;

Values values(std::size_t count, int seed) {
  std::mt19937 random(static_cast<unsigned>(seed));
  Values result(count);
  for (std::int32_t& value : result) value = static_cast<std::int32_t>(random());
  return result;
}

void expect_ok(strettoResult_t result, strettoComm_t comm) {
  EXPECT_EQ(result, strettoSuccess) << strettoGetLastError(comm);
}

TEST(Pairs, RingOfSendsAndReceivesInAGroup_EveryRankGetsItsNeighbours) {
  for (const int n : {1, 2, 3, 5}) {
    ThreadRanks ranks(n);
    for (const std::size_t count : {0UL, 1UL, 1000UL, 300'001UL}) {
      ranks.run([&](int rank, strettoComm_t comm) {
        const Values mine = values(count, rank);
        Values got(count, -1);
        expect_ok(strettoGroupStart(), comm);
        expect_ok(strettoSend(mine.data(), count, strettoInt32, (rank + 1) % n, comm, nullptr), comm);
        expect_ok(strettoRecv(got.data(), count, strettoInt32, (rank + n - 1) % n, comm, nullptr), comm);
        expect_ok(strettoGroupEnd(), comm);
        EXPECT_EQ(got, values(count, (rank + n - 1) % n));
      });
    }
  }
}

TEST(Pairs, SeveralMessagesBetweenTwo_KeepTheirOrderAmongCollectives) {
  ThreadRanks ranks(3);
  ranks.run([&](int rank, strettoComm_t comm) {
    std::int32_t sum = 1;
    for (int i = 0; i < 20; ++i) {
      const std::size_t count = static_cast<std::size_t>(i) * 977;
      Values buffer = values(count, i);
      if (rank == 0) expect_ok(strettoSend(buffer.data(), count, strettoInt32, 2, comm, nullptr), comm);
      if (rank == 2) {
        Values got(count);
        expect_ok(strettoRecv(got.data(), count, strettoInt32, 0, comm, nullptr), comm);
        EXPECT_EQ(got, buffer);
      }
      sum = 1;
      expect_ok(strettoAllReduce(&sum, &sum, 1, strettoInt32, strettoSum, comm, nullptr), comm);
      EXPECT_EQ(sum, 3);
    }
    expect_ok(strettoBarrier(comm, nullptr), comm);
  });
}

TEST(Pairs, CountsThatDiffer_AreNamedOnTheReceiver) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    Values buffer(8);
    if (rank == 0) {
      strettoSend(buffer.data(), 8, strettoInt32, 1, comm, nullptr);  // may have ended before the other side looks
      return;
    }
    EXPECT_EQ(strettoRecv(buffer.data(), 7, strettoInt32, 0, comm, nullptr), strettoInvalidUsage);
    strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
    EXPECT_EQ(strettoGetErrorInfo(comm, &info), strettoSuccess);
    EXPECT_STREQ(info.field, "count");
    EXPECT_EQ(info.peer, 0);
  });
}

TEST(Pairs, SendToOneselfAlone_IsRefused) {
  ThreadRanks ranks(1);
  std::int32_t value = 0;
  EXPECT_EQ(strettoSend(&value, 1, strettoInt32, 0, ranks.comm(0), nullptr), strettoInvalidUsage);
}

TEST(Barrier, ManyInARow_NobodyLeavesBeforeAllHaveCome) {
  constexpr int kRanks = 4;
  ThreadRanks ranks(kRanks);
  std::atomic<int> come{0};
  ranks.run([&](int, strettoComm_t comm) {
    for (int round = 1; round <= 200; ++round) {
      ++come;
      expect_ok(strettoBarrier(comm, nullptr), comm);
      EXPECT_GE(come.load(), round * kRanks);
      expect_ok(strettoBarrier(comm, nullptr), comm);
    }
  });
}

std::vector<std::size_t> random_counts(int n, std::mt19937& random) {
  std::vector<std::size_t> counts(static_cast<std::size_t>(n));
  for (std::size_t& count : counts) count = random() % 4 == 0 ? 0 : random() % (random() % 2 == 0 ? 20 : 60'000);
  return counts;
}

std::vector<std::size_t> starts(const std::vector<std::size_t>& counts, std::size_t gap) {
  std::vector<std::size_t> result;
  std::size_t at = 0;
  for (const std::size_t count : counts) {
    result.push_back(at);
    at += count + gap;
  }
  result.push_back(at);
  return result;
}

/// One algorithm that the planner takes, and those that send blocks as parts of a message.
class Vectors : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (*GetParam() != '\0') setenv("STRETTO_ALGORITHM", GetParam(), 1);
  }
  void TearDown() override { unsetenv("STRETTO_ALGORITHM"); }
};

INSTANTIATE_TEST_SUITE_P(Algorithms, Vectors, testing::Values("", "bruck", "halving_doubling"),
                         [](const auto& instance) {
                           return *instance.param == '\0' ? std::string("planned") : std::string(instance.param);
                         });

TEST_P(Vectors, AllGatherV_PutsEachBlockAtItsPlace) {
  for (const int n : {1, 2, 3, 4, 7}) {
    ThreadRanks ranks(n);
    std::mt19937 random(static_cast<unsigned>(n));
    for (int trial = 0; trial < 12; ++trial) {
      const std::vector<std::size_t> counts = random_counts(n, random);
      const std::vector<std::size_t> at = starts(counts, trial % 3);
      Values expected(at.back(), -1);
      for (std::size_t r = 0; r < counts.size(); ++r) {
        const Values block = values(counts[r], static_cast<int>(r));
        std::copy(block.begin(), block.end(), expected.begin() + static_cast<std::ptrdiff_t>(at[r]));
      }
      ranks.run([&](int rank, strettoComm_t comm) {
        const Values mine = values(counts[static_cast<std::size_t>(rank)], rank);
        Values got(at.back(), -1);
        const std::int32_t* from = mine.data();
        if (trial % 2 == 1) {
          std::int32_t* const place = got.data() + at[static_cast<std::size_t>(rank)];
          std::copy(mine.begin(), mine.end(), place);
          from = place;
        }
        expect_ok(strettoAllGatherV(from, got.data(), counts.data(), at.data(), strettoInt32, comm, nullptr), comm);
        EXPECT_EQ(got, expected);
      });
    }
  }
}

TEST_P(Vectors, ReduceScatterV_GivesEachRankItsSum) {
  for (const int n : {1, 2, 3, 4, 7}) {
    ThreadRanks ranks(n);
    std::mt19937 random(static_cast<unsigned>(n));
    for (int trial = 0; trial < 12; ++trial) {
      const std::vector<std::size_t> counts = random_counts(n, random);
      const std::vector<std::size_t> at = starts(counts, 0);
      Values sum(at.back(), 0);
      for (int r = 0; r < n; ++r) {
        const Values input = values(at.back(), 100 + r);
        for (std::size_t i = 0; i < sum.size(); ++i) {
          sum[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(sum[i]) + static_cast<std::uint32_t>(input[i]));
        }
      }
      ranks.run([&](int rank, strettoComm_t comm) {
        const auto own = static_cast<std::size_t>(rank);
        Values input = values(at.back(), 100 + rank);
        Values out(counts[own], -1);
        std::int32_t* const to = trial % 2 == 1 ? input.data() + at[own] : out.data();
        expect_ok(strettoReduceScatterV(input.data(), to, counts.data(), strettoInt32, strettoSum, comm, nullptr),
                  comm);
        EXPECT_TRUE(std::equal(to, to + counts[own], sum.begin() + static_cast<std::ptrdiff_t>(at[own])));
      });
    }
  }
}

TEST(AllToAllV, EveryPair_GetsItsBlock) {
  for (const int n : {1, 2, 3, 5}) {
    ThreadRanks ranks(n);
    std::mt19937 random(static_cast<unsigned>(n));
    for (int trial = 0; trial < 10; ++trial) {
      std::vector<std::vector<std::size_t>> counts;  // [source][destination]
      for (int r = 0; r < n; ++r) counts.push_back(random_counts(n, random));
      const auto block = [&](std::size_t from, std::size_t to) {
        return values(counts[from][to], static_cast<int>(from * 100 + to));
      };
      ranks.run([&](int rank, strettoComm_t comm) {
        const auto own = static_cast<std::size_t>(rank);
        std::vector<std::size_t> in_counts = counts[own];
        std::vector<std::size_t> out_counts;
        for (const auto& row : counts) out_counts.push_back(row[own]);
        const std::vector<std::size_t> in_at = starts(in_counts, 1);
        const std::vector<std::size_t> out_at = starts(out_counts, 2);
        Values in(in_at.back(), 7);
        Values out(out_at.back(), -1);
        Values expected = out;
        for (std::size_t peer = 0; peer < counts.size(); ++peer) {
          const Values sent = block(own, peer);
          std::copy(sent.begin(), sent.end(), in.begin() + static_cast<std::ptrdiff_t>(in_at[peer]));
          const Values got = block(peer, own);
          std::copy(got.begin(), got.end(), expected.begin() + static_cast<std::ptrdiff_t>(out_at[peer]));
        }
        expect_ok(strettoAllToAllV(in.data(), in_counts.data(), in_at.data(), out.data(), out_counts.data(),
                                   out_at.data(), strettoInt32, comm, nullptr),
                  comm);
        EXPECT_EQ(out, expected);
      });
    }
  }
}

TEST(PreMultipliedSum, EachRanksScalar_MultipliesItsInput) {
  for (const char* const algorithm :
       {"ring", "tree", "one_shot", "two_shot", "recursive_doubling", "halving_doubling"}) {
    for (const int n : {1, 2, 3, 5}) {
      setenv("STRETTO_ALGORITHM", algorithm, 1);
      ThreadRanks ranks(n);
      unsetenv("STRETTO_ALGORITHM");
      constexpr std::size_t kCount = 50'001;
      std::int32_t expected = 0;
      for (int r = 0; r < n; ++r) expected += (r + 2) * (10 + r);
      for (const bool in_place : {false, true}) {
        ranks.run([&](int rank, strettoComm_t comm) {
          Values in(kCount, 10 + rank);
          Values out(kCount, -1);
          std::int32_t scalar = rank + 2;
          strettoRedOp_t op{};
          expect_ok(strettoRedOpCreatePreMulSum(&op, &scalar, strettoInt32, strettoScalarHostImmediate, comm), comm);
          Values& to = in_place ? in : out;
          expect_ok(strettoAllReduce(in.data(), to.data(), kCount, strettoInt32, op, comm, nullptr), comm);
          EXPECT_EQ(to, Values(kCount, expected)) << algorithm << " " << n;
          expect_ok(strettoRedOpDestroy(op, comm), comm);
        });
      }
    }
  }
}

}  // namespace
}  // namespace stretto
