#include "scale/rank_body.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "support/leak_check.hpp"

namespace stretto {
namespace {

/// A rank that has left forwards what others say until they have left too, for 10 s at most.
constexpr std::int64_t kSettleNs = 13'000'000'000;

RankReport wrong_values(int rank, float found, float expected) {
  RankReport report;
  report.at_ns = monotonic_ns();
  report.result = strettoInternalError;
  report.rank = rank;
  std::snprintf(report.field, sizeof report.field, "values");
  std::snprintf(report.text, sizeof report.text, "%g instead of %g", static_cast<double>(found),
                static_cast<double>(expected));
  return report;
}

RankReport reduce(int rank, const RankPlan& plan, strettoComm_t comm) {
  std::vector<float> in(plan.count);
  std::vector<float> out(plan.count);
  for (int operation = 0; operation < plan.operations; ++operation) {
    // Values up to 16 sum exactly, whatever the order.
    const auto value_of = [&](int of, std::size_t i) { return static_cast<float>((of + operation + int(i)) % 16); };
    for (std::size_t i = 0; i < plan.count; ++i) in[i] = value_of(rank, i);
    const auto result = strettoAllReduce(in.data(), out.data(), plan.count, strettoFloat32, strettoSum, comm, nullptr);
    if (result != strettoSuccess) return report_of(comm, result);
    for (std::size_t i = 0; i < std::min<std::size_t>(plan.count, 64); ++i) {
      float expected = 0;
      for (int other = 0; other < plan.n; ++other) expected += value_of(other, i);
      if (out[i] != expected) return wrong_values(rank, out[i], expected);
    }
    plan.after_operation(operation);
  }
  RankReport report;
  report.at_ns = monotonic_ns();
  report.result = strettoSuccess;
  return report;
}

}  // namespace

RankReport run_rank(int rank, const strettoUniqueId& id, const RankPlan& plan) {
  const testing::Holdings before = testing::take_holdings();
  rlimit descriptors{};
  getrlimit(RLIMIT_NOFILE, &descriptors);
  plan.before_init();
  strettoComm_t comm = nullptr;
  const strettoResult_t joined = strettoCommInitRank(&comm, plan.n, id, rank);
  RankReport report = joined == strettoSuccess ? reduce(rank, plan, comm) : report_of(nullptr, joined);
  strettoCommDestroy(comm);
  setrlimit(RLIMIT_NOFILE, &descriptors);  // for looking
  const std::int64_t deadline_ns = monotonic_ns() + kSettleNs;
  std::string leaks = describe_leaks(before, testing::take_holdings());
  while (!leaks.empty() && monotonic_ns() < deadline_ns) {
    usleep(1000);
    leaks = describe_leaks(before, testing::take_holdings());
  }
  if (leaks.empty()) return report;
  report.value = 1;
  std::snprintf(report.text, sizeof report.text, "left behind: %.400s", leaks.c_str());
  return report;
}

void expect_all_succeeded(const Processes& ranks, int n) {
  for (int rank = 0; rank < n; ++rank) {
    ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << "rank " << rank << ": " << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 0) << "rank " << rank << ": " << ranks.report(rank).text;
    EXPECT_EQ(ranks.status(rank), 0) << "rank " << rank;
  }
}

}  // namespace stretto
