// Communicators through the C API: what may be done with them, and where their ranks meet.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "support/threads.hpp"

namespace stretto {
namespace {

using std::chrono::steady_clock;

// Whichever thread comes first blocks in the all-reduce, since the peer has not come: so exactly one is refused.
TEST(Communicators, TwoThreadsAtOnceInOne_SecondIsRefused) {
  ThreadRanks ranks(2);
  std::atomic<int> refused{0};
  std::atomic<int> completed{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const std::int64_t in = 20;
      std::int64_t out = -1;
      const strettoResult_t result = strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, ranks.comm(0), nullptr);
      if (result == strettoSuccess) {
        EXPECT_EQ(out, 22);
        ++completed;
        return;
      }
      EXPECT_EQ(result, strettoInvalidUsage);
      EXPECT_STREQ(error_of(nullptr).field, "comm") << strettoGetLastError(nullptr);
      EXPECT_EQ(out, -1);
      ++refused;
    });
  }
  const steady_clock::time_point limit = steady_clock::now() + std::chrono::seconds(20);
  while (refused.load() == 0 && steady_clock::now() < limit) std::this_thread::yield();
  EXPECT_EQ(refused.load(), 1);
  EXPECT_EQ(completed.load(), 0);
  const std::int64_t in = 2;
  std::int64_t out = -1;
  EXPECT_EQ(strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, ranks.comm(1), nullptr), strettoSuccess);
  EXPECT_EQ(out, 22);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(completed.load(), 1);
  for (int rank = 0; rank < 2; ++rank) {
    strettoResult_t fault = strettoInternalError;
    EXPECT_EQ(strettoCommGetAsyncError(ranks.comm(rank), &fault), strettoSuccess);
    EXPECT_EQ(fault, strettoSuccess) << "a refused call leaves the communicator whole";
  }
}

TEST(Communicators, AllWithAConfig_TakeIt) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  strettoComm_t comms[2] = {};
  config.algorithm = "rings";
  EXPECT_EQ(strettoCommInitAllConfig(comms, 2, nullptr, &config), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "algorithm");
  EXPECT_EQ(comms[0], nullptr);
  config.algorithm = "ring";
  config.data_timeout_ms = 50;
  const int devices[2] = {STRETTO_DEVICE_HOST, STRETTO_DEVICE_HOST};
  ASSERT_EQ(strettoCommInitAllConfig(comms, 2, devices, &config), strettoSuccess) << strettoGetLastError(nullptr);
  const std::int64_t in = 1;
  std::int64_t out = -1;
  EXPECT_EQ(strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, comms[1], nullptr), strettoTimeout)
      << "rank 0 does not come";
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

/// Whether the kernel has ::1.
bool has_ipv6_loopback() {
  const int socket_fd = socket(AF_INET6, SOCK_STREAM, 0);
  if (socket_fd < 0) return false;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  const bool bound = bind(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(socket_fd);
  return bound;
}

TEST(Setup, Ipv6Address_RanksMeetThere) {
  if (!has_ipv6_loopback()) GTEST_SKIP() << "this kernel has no IPv6 loopback";
  setenv("STRETTO_BOOTSTRAP_ADDRESS", "[::1]", 1);
  strettoUniqueId id{};
  const strettoResult_t made = strettoGetUniqueId(&id);
  unsetenv("STRETTO_BOOTSTRAP_ADDRESS");
  ASSERT_EQ(made, strettoSuccess) << strettoGetLastError(nullptr);
  std::vector<std::thread> threads;
  strettoComm_t comms[3] = {};
  for (int rank = 0; rank < 3; ++rank) {
    threads.emplace_back([rank, &id, &comm = comms[rank]] {
      ASSERT_EQ(strettoCommInitRank(&comm, 3, id, rank), strettoSuccess) << strettoGetLastError(nullptr);
      const std::int64_t in = rank;
      std::int64_t out = -1;
      EXPECT_EQ(strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, comm, nullptr), strettoSuccess);
      EXPECT_EQ(out, 3);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

}  // namespace
}  // namespace stretto
