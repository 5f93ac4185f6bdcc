// A rank is killed with SIGKILL in the middle of all-reduces, again and again: every survivor must be told which rank
// it was, soon, and end in good order.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <thread>

#include "support/leak_check.hpp"
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

/// Runs `body` and sets the report's value to 1 if this process then holds more than before. The service thread may
/// linger for 10 s after the last communicator is gone.
RankReport with_leak_check(const std::function<RankReport()>& body) {
#if defined(__SANITIZE_THREAD__)
  std::thread([] {}).join();  // starts ThreadSanitizer's own thread, which stays
#endif
  constexpr std::int64_t kSettleNs = 12 * kSecondNs;
  const testing::Holdings before = testing::take_holdings();
  RankReport report = body();
  const std::int64_t limit_ns = monotonic_ns() + kSettleNs;
  std::string leaks = testing::describe_leaks(before, testing::take_holdings());
  while (!leaks.empty() && monotonic_ns() < limit_ns) {
    usleep(1000);
    leaks = testing::describe_leaks(before, testing::take_holdings());
  }
  report.value = leaks.empty() ? 0 : 1;
  if (!leaks.empty()) std::fprintf(stderr, "left behind: %s", leaks.c_str());
  return report;
}

struct Trial {
  int n;
  int victim;
  std::int64_t killed_ns;
};

/// Trials of 2 to 8 ranks: once `ready` has returned, a random one is killed within `most_us`. `judge` sees each
/// survivor that had got an id (after the death of rank 0 not all may have).
void run_trials(int n_trials, const std::function<void(Counters&, int n)>& ready, std::uint64_t most_us,
                const std::function<void(const Trial&, const Processes&, int rank)>& judge) {
  constexpr int kNoId = 3;  // a rank's exit status
  std::random_device device;
  const std::uint64_t seed = device();
  std::mt19937_64 random(seed);
  for (int i = 0; i < n_trials; ++i) {
    Trial trial{2 + static_cast<int>(random() % 7), 0, 0};
    trial.victim = static_cast<int>(random() % static_cast<std::uint64_t>(trial.n));
    SCOPED_TRACE(::testing::Message() << "seed=" << seed << " trial=" << i << " n=" << trial.n
                                      << " victim=" << trial.victim);
    const std::uint64_t sizes = random();
    Counters counters;
    Processes ranks(trial.n, [&](int rank, const strettoUniqueId& id) {
      return with_leak_check([&] { return reduce_until_error(rank, trial.n, id, sizes, counters.of(rank)); });
    });
    ASSERT_NO_FATAL_FAILURE(ready(counters, trial.n));
    usleep(static_cast<useconds_t>(random() % most_us));
    trial.killed_ns = monotonic_ns();
    ranks.kill(trial.victim, SIGKILL);
    ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
    for (int rank = 0; rank < trial.n; ++rank) {
      if (rank == trial.victim || (trial.victim == 0 && ranks.status(rank) == kNoId)) continue;
      ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
      EXPECT_EQ(ranks.report(rank).value, 0) << "rank " << rank << " left something behind (see above)";
      EXPECT_EQ(ranks.status(rank), 0);
      judge(trial, ranks, rank);
    }
  }
}

TEST(Kill, RandomRankInARandomAllReduce_IsNamedOnEverySurvivorWithinASecond) {
  std::int64_t slowest_ns = 0;
  const auto all_reduce = [](Counters& counters, int n) { ASSERT_TRUE(counters.wait_for_all(n)); };
  run_trials(trials(), all_reduce, 20'000, [&](const Trial& trial, const Processes& ranks, int rank) {
    const RankReport& report = ranks.report(rank);
    EXPECT_EQ(report.result, strettoRemoteError) << report.text;
    EXPECT_EQ(report.peer, trial.victim) << report.text;
    EXPECT_EQ(report.rank, rank) << report.text;
    EXPECT_NE(report.host[0], '\0') << report.text;
    EXPECT_LT(report.at_ns - trial.killed_ns, kSecondNs) << report.text;
    slowest_ns = std::max(slowest_ns, report.at_ns - trial.killed_ns);
  });
  std::printf("%d kills, slowest survivor told after %.1f ms\n", trials(), static_cast<double>(slowest_ns) * 1e-6);
}

// While ranks still join, not all can know who died; but all must fail soon, and nobody may hang.
TEST(Kill, RandomRankDuringSetUp_FailsEverySurvivorSoon) {
  setenv("STRETTO_SETUP_TIMEOUT_MS", "3000", 1);
  const auto at_once = [](Counters&, int) {};
  run_trials((trials() + 3) / 4, at_once, 15'000, [](const Trial&, const Processes& ranks, int rank) {
    const RankReport& report = ranks.report(rank);
    EXPECT_NE(report.result, strettoSuccess);
    EXPECT_EQ(report.rank, rank) << report.text;
    EXPECT_NE(report.text[0], '\0');
  });
  unsetenv("STRETTO_SETUP_TIMEOUT_MS");
}

}  // namespace
}  // namespace stretto
