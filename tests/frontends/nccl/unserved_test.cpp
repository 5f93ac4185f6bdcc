// Names of NCCL's that are exported and not served: each says so.
#include <cstring>

#include "frontends/nccl/unserved_table.hpp"
#include "library.hpp"
#include "nccl_device.h"

namespace stretto {
namespace {

using nccl_test::nccl;
using nccl_test::Ranks;

/// Whatever the parameters are, arguments that are ignored do no harm.
using Any = ncclResult_t (*)(const void*, const void*, const void*, const void*, const void*, const void*);

struct Row {
  const char* name;
  const char* why;
};
constexpr Row kRows[] = {
#define STRETTO_TEST_ROW(name, why) {#name, why},
    STRETTO_NCCL_UNSERVED(STRETTO_TEST_ROW)
#undef STRETTO_TEST_ROW
};

TEST(NcclUnserved, EachName_IsInvalidUsageAndSaysWhy) {
  EXPECT_GT(std::size(kRows), 20U);
  for (const Row& row : kRows) {
    for (const std::string prefix : {"", "p"}) {
      const auto function = reinterpret_cast<Any>(nccl().find(prefix + row.name));
      ASSERT_NE(function, nullptr) << prefix << row.name;
      EXPECT_EQ(function(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr), ncclInvalidUsage) << row.name;
      const std::string text = nccl().GetLastError(nullptr);
      EXPECT_EQ(text, std::string(row.name) + " is not served by stretto: " + row.why);
    }
  }
}

TEST(NcclUnserved, FunctionsWithoutAResultCode_DoNothing) {
  nccl().ResetDebugInit();
  const auto slots = reinterpret_cast<int (*)(int, int)>(nccl().find("ncclLLA2ACalcSlots"));
  ASSERT_NE(slots, nullptr);
  EXPECT_EQ(slots(100, 8), 0);
  EXPECT_NE(std::strstr(nccl().GetLastError(nullptr), "ncclLLA2ACalcSlots is not served"), nullptr);
}

TEST(NcclTeams, World_IsAllRanksAndLsaEachRankAlone) {
  const auto world = reinterpret_cast<decltype(&::ncclTeamWorld)>(nccl().find("ncclTeamWorld"));
  const auto lsa = reinterpret_cast<decltype(&::ncclTeamLsa)>(nccl().find("ncclTeamLsa"));
  const auto rail = reinterpret_cast<decltype(&::ncclTeamRail)>(nccl().find("ncclTeamRail"));
  const auto to_world = reinterpret_cast<decltype(&::ncclTeamRankToWorld)>(nccl().find("ncclTeamRankToWorld"));
  const auto to_lsa = reinterpret_cast<decltype(&::ncclTeamRankToLsa)>(nccl().find("ncclTeamRankToLsa"));
  ASSERT_TRUE(world != nullptr && lsa != nullptr && rail != nullptr && to_world != nullptr && to_lsa != nullptr);
  const Ranks ranks(3);
  for (int rank = 0; rank < 3; ++rank) {
    ncclComm_t const comm = ranks.comm(rank);
    EXPECT_EQ(world(comm).nRanks, 3);
    EXPECT_EQ(world(comm).rank, rank);
    EXPECT_EQ(world(comm).stride, 1);
    EXPECT_EQ(rail(comm).nRanks, 3);
    EXPECT_EQ(lsa(comm).nRanks, 1);
    EXPECT_EQ(lsa(comm).rank, 0);
    for (int other = 0; other < 3; ++other) EXPECT_EQ(to_world(comm, world(comm), other), other);
    EXPECT_EQ(to_world(comm, lsa(comm), 0), rank);
    EXPECT_EQ(to_lsa(comm, lsa(comm), 0), 0);
    EXPECT_EQ(to_lsa(comm, world(comm), rank), 0);
  }
  EXPECT_EQ(world(nullptr).nRanks, 0);
}

}  // namespace
}  // namespace stretto
