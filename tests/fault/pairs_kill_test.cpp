// A rank is killed with SIGKILL amid sends, receives and all-to-alls of unequal blocks: every survivor is told which
// rank it was, soon, whichever it was waiting for.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <random>

#include "support/processes.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::size_t kMostRanks = 8;

int trials() {
  const char* asked = std::getenv("STRETTO_TEST_KILLS");
  return asked != nullptr ? (std::atoi(asked) + 3) / 4 : 4;
}

/// Rounds that each rank has completed, in memory that all processes share.
class Rounds {
 public:
  Rounds() {
    void* const memory =
        mmap(nullptr, kMostRanks * sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    rounds_ = static_cast<std::atomic<int>*>(memory);
  }
  ~Rounds() { munmap(rounds_, kMostRanks * sizeof(std::atomic<int>)); }
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  std::atomic<int>& of(int rank) { return rounds_[rank]; }
  /// Until every rank has completed one, at most 20 s.
  bool begun(int n) {
    for (int tries = 0; tries < 200'000; ++tries) {
      int ranks = 0;
      for (int rank = 0; rank < n; ++rank) ranks += of(rank).load() > 0 ? 1 : 0;
      if (ranks == n) return true;
      usleep(100);
    }
    return false;
  }

 private:
  std::atomic<int>* rounds_;
};

/// Around the ring in a group.
strettoResult_t ring(int rank, int n, std::size_t count, float* in, float* out, strettoComm_t comm) {
  strettoGroupStart();
  strettoSend(in, count, strettoFloat32, (rank + 1) % n, comm, nullptr);
  strettoRecv(out, count, strettoFloat32, (rank + n - 1) % n, comm, nullptr);
  return strettoGroupEnd();
}

/// Along the line, without a group: all but the first wait for the one before.
strettoResult_t chain(int rank, int n, std::size_t count, float* in, float* out, strettoComm_t comm) {
  if (rank > 0) {
    const strettoResult_t result = strettoRecv(out, count, strettoFloat32, rank - 1, comm, nullptr);
    if (result != strettoSuccess) return result;
  }
  return rank == n - 1 ? strettoSuccess : strettoSend(in, count, strettoFloat32, rank + 1, comm, nullptr);
}

strettoResult_t all_to_all_v(int rank, int n, std::size_t count, float* in, float* out, strettoComm_t comm) {
  std::vector<std::size_t> sent, received, places;
  const std::size_t block = count / static_cast<std::size_t>(n);
  for (int peer = 0; peer < n; ++peer) {
    sent.push_back((rank + peer) % 2 == 0 ? block : 0);
    received.push_back(sent.back());
    places.push_back(static_cast<std::size_t>(peer) * block);
  }
  return strettoAllToAllV(in, sent.data(), places.data(), out, received.data(), places.data(), strettoFloat32, comm,
                          nullptr);
}

/// Random patterns of random sizes, the same on all ranks, until one fails.
RankReport send_until_error(int rank, int n, const strettoUniqueId& id, std::uint64_t seed, std::atomic<int>& done) {
  strettoComm_t comm = nullptr;
  const strettoResult_t joined = strettoCommInitRank(&comm, n, id, rank);
  if (joined != strettoSuccess) return report_of(nullptr, joined);
  std::mt19937_64 random(seed);
  std::vector<float> in(1 << 18, 1.0F);
  std::vector<float> out(in.size());
  for (;;) {
    const std::size_t count = std::size_t{1} << (random() % 19);
    const std::uint64_t pattern = random() % 3;
    const auto call = pattern == 0 ? ring : pattern == 1 ? chain : all_to_all_v;
    const strettoResult_t result = call(rank, n, count, in.data(), out.data(), comm);
    ++done;
    if (result == strettoSuccess) continue;
    const RankReport report = report_of(comm, result);
    strettoCommDestroy(comm);
    return report;
  }
}

TEST(Kill, RandomRankAmidSendsAndReceives_IsNamedOnEverySurvivorWithinASecond) {
  std::random_device device;
  const std::uint64_t seed = device();
  std::mt19937_64 random(seed);
  std::int64_t slowest_ns = 0;
  for (int trial = 0; trial < trials(); ++trial) {
    const int n = 2 + static_cast<int>(random() % (kMostRanks - 1));
    const int victim = static_cast<int>(random() % static_cast<std::uint64_t>(n));
    const std::uint64_t sizes = random();
    SCOPED_TRACE(::testing::Message() << "seed=" << seed << " trial=" << trial << " n=" << n << " victim=" << victim);
    Rounds rounds;
    Processes ranks(
        n, [&](int rank, const strettoUniqueId& id) { return send_until_error(rank, n, id, sizes, rounds.of(rank)); });
    ASSERT_TRUE(rounds.begun(n));
    usleep(static_cast<useconds_t>(random() % 20'000));
    const std::int64_t killed_ns = monotonic_ns();
    ranks.kill(victim, SIGKILL);
    ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
    for (int rank = 0; rank < n; ++rank) {
      if (rank == victim) continue;
      ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
      const RankReport& report = ranks.report(rank);
      EXPECT_EQ(report.result, strettoRemoteError) << report.text;
      EXPECT_EQ(report.peer, victim) << report.text;
      EXPECT_EQ(report.rank, rank) << report.text;
      EXPECT_LT(report.at_ns - killed_ns, kSecondNs) << report.text;
      EXPECT_EQ(ranks.status(rank), 0);
      slowest_ns = std::max(slowest_ns, report.at_ns - killed_ns);
    }
  }
  std::printf("%d kills, slowest survivor told after %.1f ms\n", trials(), static_cast<double>(slowest_ns) * 1e-6);
}

}  // namespace
}  // namespace stretto
