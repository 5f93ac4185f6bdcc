// 512 ranks as processes of one host. Takes a core some ten seconds, so it is not run every day.
#include <gtest/gtest.h>

#include "scale/rank_body.hpp"

namespace stretto {
namespace {

TEST(ManyRanks, FiveHundredAndTwelveProcesses_ConnectAndReduceRight) {
  constexpr int kRanks = 512;
  RankPlan plan;
  plan.n = kRanks;
  plan.before_init = [] { setenv("STRETTO_SETUP_TIMEOUT_MS", "120000", 1); };
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) { return run_rank(rank, id, plan); });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(200))) << "a rank hung";
  expect_all_succeeded(ranks, kRanks);
}

}  // namespace
}  // namespace stretto
