// Signals: a storm of them changes nothing, a broken connection raises none, and the service thread takes none.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/processes.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

volatile sig_atomic_t signals_taken = 0;
void take_signal(int) { signals_taken = signals_taken + 1; }

/// System calls that it interrupts fail with EINTR: SA_RESTART is not asked for.
void handle(int signal) {
  struct sigaction action {};
  action.sa_handler = take_signal;
  sigaction(signal, &action, nullptr);
}

TEST(Signals, StormOfAlarms_ChangesNothing) {
  constexpr int kRanks = 3;
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) {
    handle(SIGALRM);
    const itimerval every{{0, 300}, {0, 300}};
    setitimer(ITIMER_REAL, &every, nullptr);
    strettoComm_t comm = nullptr;
    strettoResult_t result = strettoCommInitRank(&comm, kRanks, id, rank);
    std::int64_t wrong = 0;
    std::vector<std::int32_t> in(200'000);
    std::vector<std::int32_t> out(in.size());
    for (int i = 0; i < 40 && result == strettoSuccess; ++i) {
      const std::size_t count = i % 2 == 0 ? in.size() : 7;
      std::fill(in.begin(), in.end(), rank + i);
      std::fill(out.begin(), out.end(), -1);
      if (rank == i % kRanks) usleep(2000);  // the others wait long: they sleep
      result = strettoAllReduce(in.data(), out.data(), count, strettoInt32, strettoSum, comm, nullptr);
      const std::int32_t right = 3 * i + 3;
      wrong += count - static_cast<std::size_t>(std::count(out.begin(), out.begin() + static_cast<long>(count), right));
    }
    RankReport report = report_of(comm, result);
    if (strettoCommDestroy(comm) != strettoSuccess) wrong = -1;
    setitimer(ITIMER_REAL, nullptr, nullptr);
    report.value = wrong != 0 ? wrong : signals_taken > 20 ? 0 : -2;
    return report;
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(60)));
  for (int rank = 0; rank < kRanks; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 0);
    EXPECT_EQ(ranks.status(rank), 0);
  }
}

TEST(Signals, PeerKilled_RaisesNoBrokenPipe) {
  constexpr int kVictim = 0;  // all ranks' neighbour in the control tree
  Processes ranks(3, [&](int rank, const strettoUniqueId& id) {
    handle(SIGPIPE);  // whichever thread it were to reach
    strettoComm_t comm = nullptr;
    strettoResult_t result = strettoCommInitRank(&comm, 3, id, rank);
    float in = 1.0F;
    float out = 0.0F;
    for (int i = 0; result == strettoSuccess; ++i) {
      if (rank == kVictim && i == 20) raise(SIGKILL);
      result = strettoAllReduce(&in, &out, 1, strettoFloat32, strettoSum, comm, nullptr);
    }
    RankReport report = report_of(comm, result);
    strettoCommAbort(comm);  // to a rank that is not there any more
    strettoCommDestroy(comm);
    report.value = signals_taken;
    return report;
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(30)));
  for (const int rank : {1, 2}) {
    EXPECT_EQ(ranks.report(rank).result, strettoRemoteError) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 0) << "SIGPIPE reached the program";
  }
}

/// The mask of blocked signals of the thread of that name; 0 if there is none.
std::uint64_t blocked_in(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream comm(task.path() / "comm");
    std::string is;
    std::getline(comm, is);
    if (is != name) continue;
    std::ifstream status(task.path() / "status");
    for (std::string line; std::getline(status, line);) {
      if (line.rfind("SigBlk:", 0) == 0) return std::stoull(line.substr(7), nullptr, 16);
    }
  }
  return 0;
}

TEST(Signals, ServiceThread_HasThemAllBlocked) {
  ThreadRanks ranks(2);
  const std::uint64_t blocked = blocked_in("stretto-service");
  for (int signal = 1; signal <= SIGRTMAX; ++signal) {
    // Two cannot be blocked; those between the numbered and the real-time ones are the C library's own.
    if (signal == SIGKILL || signal == SIGSTOP || (signal >= 32 && signal < SIGRTMIN)) continue;
    EXPECT_NE(blocked & (std::uint64_t{1} << (signal - 1)), 0U) << "signal " << signal;
  }
}

}  // namespace
}  // namespace stretto
