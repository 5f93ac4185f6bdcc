#include "base/affinity.hpp"

#include <gtest/gtest.h>
#include <sched.h>

namespace stretto {
namespace {

using Cpus = std::vector<std::size_t>;

TEST(Affinity, CpuLists_AreReadAsSysfsWritesThem) {
  EXPECT_EQ(parse_cpu_list("0"), (Cpus{0}));
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11"), (Cpus{0, 1, 2, 3, 8, 10, 11}));
  EXPECT_EQ(parse_cpu_list(""), Cpus{});
  for (const char* wrong :
       {"a", "1,", "1-", "3-1", ",1", "1;2", "99999999999999999999", "0-4000000000", "0-1048574,0-1048574"}) {
    EXPECT_FALSE(parse_cpu_list(wrong)) << wrong;
  }
}

TEST(Affinity, ThisThread_MayRunOnSomeCoresOfAtMostOneSocketEach) {
  const Affinity all = affinity();
  EXPECT_GE(all.n_cores, 1);
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const Affinity bound = affinity();
  ASSERT_EQ(sched_setaffinity(0, sizeof before, &before), 0);
  EXPECT_EQ(bound.n_cores, 1);
  if (all.socket >= 0) {
    EXPECT_EQ(bound.socket, all.socket);
  }
}

}  // namespace
}  // namespace stretto
