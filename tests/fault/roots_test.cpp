// Ranks as processes that name different roots: every one is told, within seconds, and ends in good order.
#include <gtest/gtest.h>

#include <cstring>

#include "support/processes.hpp"
#include "support/roots.hpp"

namespace stretto {
namespace {

class RootsOfProcesses : public testing::TestWithParam<int> {};

RankReport call(int rank, int n, const strettoUniqueId& id, Rooted collective, Roots roots) {
  strettoComm_t comm = nullptr;
  if (const strettoResult_t joined = strettoCommInitRank(&comm, n, id, rank); joined != strettoSuccess) {
    return report_of(nullptr, joined);
  }
  int n_calls = 0;
  const strettoResult_t result = call_until_told(collective, root_of(roots, rank, n), n, comm, &n_calls);
  const RankReport report = report_of(comm, result);
  strettoCommDestroy(comm);
  return report;
}

TEST_P(RootsOfProcesses, Disagree_EveryRankGetsInvalidUsageSoon) {
  const int n = GetParam();
  for (const Rooted collective : kRooted) {
    for (const Roots roots : kRoots) {
      SCOPED_TRACE(std::string(name_of(collective)) + ", roots " + std::to_string(static_cast<int>(roots)));
      Processes ranks(n, [&](int rank, const strettoUniqueId& id) { return call(rank, n, id, collective, roots); });
      EXPECT_TRUE(ranks.wait(std::chrono::seconds(60)));
      for (int rank = 0; rank < n; ++rank) {
        const RankReport& report = ranks.report(rank);
        EXPECT_EQ(report.result, strettoInvalidUsage) << "rank " << rank << ": " << report.text;
        EXPECT_EQ(report.rank, rank);
        EXPECT_TRUE(report.peer >= 0 && report.peer != rank) << report.text;
        EXPECT_STREQ(report.field, "root") << report.text;
        EXPECT_NE(std::strstr(report.text, "the ranks disagree"), nullptr) << report.text;
        EXPECT_EQ(ranks.status(rank), 0);
      }
      if (HasFailure()) return;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Ranks, RootsOfProcesses, testing::Values(2, 3, 5, 8));

}  // namespace
}  // namespace stretto
