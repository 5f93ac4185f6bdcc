// A rank is killed with SIGKILL in the middle of all-reduces, again and again: every survivor must be told which rank
// it was, soon, and end in good order.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/processes.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

int trials() {
  const char* asked = std::getenv("STRETTO_TEST_KILLS");
  return asked != nullptr ? std::atoi(asked) : 10;
}

/// Operations that each rank has completed, seen by the test and by all ranks.
class Counters {
 public:
  Counters() {
    void* memory =
        mmap(nullptr, kRanks * sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    counters_ = static_cast<std::atomic<int>*>(memory);
  }
  ~Counters() { munmap(counters_, kRanks * sizeof(std::atomic<int>)); }
  Counters(const Counters&) = delete;
  Counters& operator=(const Counters&) = delete;

  std::atomic<int>& of(int rank) { return counters_[rank]; }
  /// Until every rank has completed one, at most 20 s.
  bool wait_for_all(int n) {
    for (int tries = 0; tries < 200'000; ++tries) {
      int begun = 0;
      for (int rank = 0; rank < n; ++rank) begun += of(rank).load() > 0 ? 1 : 0;
      if (begun == n) return true;
      usleep(100);
    }
    return false;
  }

 private:
  static constexpr std::size_t kRanks = 64;
  std::atomic<int>* counters_;
};

/// All-reduces of random sizes (the same on all ranks) until one fails.
RankReport reduce_until_error(int rank, int n, const strettoUniqueId& id, std::uint64_t seed, std::atomic<int>& done) {
  strettoComm_t comm = nullptr;
  const strettoResult_t joined = strettoCommInitRank(&comm, n, id, rank);
  if (joined != strettoSuccess) return report_of(nullptr, joined);
  std::mt19937_64 random(seed);
  std::vector<float> in(1 << 18, 1.0F);
  std::vector<float> out(in.size());
  for (;;) {
    const std::size_t count = std::size_t{1} << (random() % 19);
    const strettoResult_t result =
        strettoAllReduce(in.data(), out.data(), count, strettoFloat32, strettoSum, comm, nullptr);
    ++done;
    if (result == strettoSuccess) continue;
    const RankReport report = report_of(comm, result);
    strettoCommDestroy(comm);
    return report;
  }
}

void expect_named(const Processes& ranks, int rank, int victim, std::int64_t killed_ns) {
  ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
  const RankReport& report = ranks.report(rank);
  EXPECT_EQ(report.result, strettoRemoteError) << report.text;
  EXPECT_EQ(report.peer, victim) << report.text;
  EXPECT_EQ(report.rank, rank) << report.text;
  EXPECT_NE(report.host[0], '\0') << report.text;
  EXPECT_LT(report.at_ns - killed_ns, kSecondNs) << report.text;
  EXPECT_EQ(ranks.status(rank), 0);
}

TEST(Kill, RandomRankInARandomAllReduce_IsNamedOnEverySurvivorWithinASecond) {
  std::random_device device;
  const std::uint64_t seed = device();
  std::mt19937_64 random(seed);
  std::int64_t slowest_ns = 0;
  for (int trial = 0; trial < trials(); ++trial) {
    const int n = 2 + static_cast<int>(random() % 7);
    const int victim = static_cast<int>(random() % static_cast<std::uint64_t>(n));
    SCOPED_TRACE(testing::Message() << "seed=" << seed << " trial=" << trial << " n=" << n << " victim=" << victim);
    const std::uint64_t sizes = random();
    Counters counters;
    Processes ranks(n, [&](int rank, const strettoUniqueId& id) {
      return reduce_until_error(rank, n, id, sizes, counters.of(rank));
    });
    ASSERT_TRUE(counters.wait_for_all(n));
    usleep(static_cast<useconds_t>(random() % 20'000));
    const std::int64_t killed_ns = monotonic_ns();
    ranks.kill(victim, SIGKILL);
    ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
    for (int rank = 0; rank < n; ++rank) {
      if (rank == victim) continue;
      expect_named(ranks, rank, victim, killed_ns);
      slowest_ns = std::max(slowest_ns, ranks.report(rank).at_ns - killed_ns);
    }
  }
  std::printf("%d kills, slowest survivor told after %.1f ms\n", trials(), static_cast<double>(slowest_ns) * 1e-6);
}

// While ranks still join, not all can know who died; but all must fail soon, and nobody may hang.
TEST(Kill, RandomRankDuringSetUp_FailsEverySurvivorSoon) {
  std::random_device device;
  const std::uint64_t seed = device();
  std::mt19937_64 random(seed);
  for (int trial = 0; trial < (trials() + 3) / 4; ++trial) {
    const int n = 2 + static_cast<int>(random() % 7);
    const int victim = static_cast<int>(random() % static_cast<std::uint64_t>(n));
    SCOPED_TRACE(testing::Message() << "seed=" << seed << " trial=" << trial << " n=" << n << " victim=" << victim);
    const std::uint64_t sizes = random();
    Counters counters;
    Processes ranks(n, [&](int rank, const strettoUniqueId& id) {
      setenv("STRETTO_SETUP_TIMEOUT_MS", "3000", 1);
      return reduce_until_error(rank, n, id, sizes, counters.of(rank));
    });
    usleep(static_cast<useconds_t>(random() % 15'000));
    ranks.kill(victim, SIGKILL);
    ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
    for (int rank = 0; rank < n; ++rank) {
      if (rank == victim || ranks.status(rank) == 3) continue;  // 3: never got an id, since rank 0 was the victim
      ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
      EXPECT_NE(ranks.report(rank).result, strettoSuccess);
      EXPECT_EQ(ranks.report(rank).rank, rank) << ranks.report(rank).text;
      EXPECT_NE(ranks.report(rank).text[0], '\0');
    }
  }
}

}  // namespace
}  // namespace stretto
