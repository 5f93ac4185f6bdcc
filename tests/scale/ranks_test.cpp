// Many ranks as processes of one host: all come up, reduce right, and leave nothing behind.
#include <gtest/gtest.h>

#include "scale/rank_body.hpp"

namespace stretto {
namespace {

TEST(ManyRanks, SixtyFourProcesses_ReduceRightAndLeaveNothing) {
  constexpr int kRanks = 64;
  RankPlan plan;
  plan.n = kRanks;
  plan.operations = 3;
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) { return run_rank(rank, id, plan); });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(50))) << "a rank hung";
  expect_all_succeeded(ranks, kRanks);
}

}  // namespace
}  // namespace stretto
