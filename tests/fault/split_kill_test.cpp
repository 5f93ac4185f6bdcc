// A rank is killed with SIGKILL while communicators are split, again and again: no survivor may hang, wherever it was.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <random>

#include "support/processes.hpp"

namespace stretto {
namespace {

/// Splits, uses and destroys until something fails.
RankReport split_until_error(int rank, int n, const strettoUniqueId& id) {
  strettoComm_t comm = nullptr;
  strettoResult_t result = strettoCommInitRank(&comm, n, id, rank);
  RankReport report = report_of(nullptr, result);  // it may be killed as early as that
  for (int i = 0; result == strettoSuccess; ++i) {
    strettoComm_t child = nullptr;
    result = strettoCommSplit(comm, (rank >> (i % 2)) & 1, 0, &child, nullptr);
    report = report_of(result == strettoSuccess ? nullptr : comm, result);
    if (result != strettoSuccess) break;
    float in = 1.0F;
    float out = 0.0F;
    result = strettoAllReduce(&in, &out, 1, strettoFloat32, strettoSum, child, nullptr);
    report = report_of(child, result);
    strettoCommDestroy(child);
  }
  strettoCommDestroy(comm);
  return report;
}

TEST(SplitKill, RandomRankAtAnyMoment_NoSurvivorHangs) {
  constexpr int kTrials = 6;
  constexpr std::int64_t kSoonNs = 5'000'000'000;
  std::random_device device;
  const std::uint64_t seed = device();
  std::mt19937_64 random(seed);
  std::int64_t slowest_ns = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const int n = 3 + static_cast<int>(random() % 3);
    const int victim = static_cast<int>(random() % static_cast<std::uint64_t>(n));
    SCOPED_TRACE(testing::Message() << "seed=" << seed << " trial=" << trial << " n=" << n << " victim=" << victim);
    Processes ranks(n, [&](int rank, const strettoUniqueId& id) { return split_until_error(rank, n, id); });
    usleep(100'000 + static_cast<useconds_t>(random() % 300'000));
    const std::int64_t killed_ns = monotonic_ns();
    ranks.kill(victim, SIGKILL);
    ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
    for (int rank = 0; rank < n; ++rank) {
      if (rank == victim) continue;
      ASSERT_TRUE(ranks.reported(rank)) << ranks.status(rank);
      const RankReport& report = ranks.report(rank);
      EXPECT_EQ(report.result, strettoRemoteError) << report.text;
      EXPECT_LT(report.at_ns - killed_ns, kSoonNs) << report.text;
      slowest_ns = std::max(slowest_ns, report.at_ns - killed_ns);
    }
  }
  std::printf("slowest survivor told after %.1f ms\n", static_cast<double>(slowest_ns) * 1e-6);
}

}  // namespace
}  // namespace stretto
