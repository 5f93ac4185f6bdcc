// The operating system refuses one rank something: that rank says what to raise, the others name that rank, soon.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "scale/rank_body.hpp"
#include "support/leak_check.hpp"

namespace stretto {
namespace {

constexpr int kRanks = 4;
/// Far less than the set-up deadline of 30 s, far more than a busy machine needs.
constexpr std::int64_t kSoonNs = 14'000'000'000;

void limit(int resource, rlim_t value) {
  rlimit limits{};
  getrlimit(static_cast<__rlimit_resource>(resource), &limits);
  limits.rlim_cur = value;
  if (setrlimit(static_cast<__rlimit_resource>(resource), &limits) != 0) std::abort();
}

/// New descriptors are the least that are free, so the limit stands right above the n-th of these.
void leave_descriptors(int n) {
  std::vector<int> taken;
  for (int i = 0; i < n; ++i) taken.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
  limit(RLIMIT_NOFILE, static_cast<rlim_t>(taken.back()) + 1);
  for (const int descriptor : taken) close(descriptor);
}

bool contains(const RankReport& report, const char* text) {
  return std::string(report.text).find(text) != std::string::npos;
}

/// Every rank failed soon: the victim in its own words (which contain `advice`), the others naming it.
void expect_victim_named(const Processes& ranks, int victim, const char* advice, std::int64_t start_ns) {
  for (int rank = 0; rank < kRanks; ++rank) {
    ASSERT_TRUE(ranks.reported(rank)) << "rank " << rank << " ended with status " << ranks.status(rank);
    const RankReport& report = ranks.report(rank);
    EXPECT_EQ(report.value, 0) << report.text;
    EXPECT_LT(report.at_ns - start_ns, kSoonNs) << report.text;
    if (rank == victim) {
      EXPECT_EQ(report.result, strettoSystemError) << report.text;
      EXPECT_TRUE(contains(report, advice)) << report.text;
    } else {
      EXPECT_NE(report.result, strettoSuccess) << "rank " << rank;
      EXPECT_EQ(report.peer, victim) << "rank " << rank << ": " << report.text;
    }
  }
}

/// Ranks of which one has few descriptors left.
struct ShortOfDescriptors {
  ShortOfDescriptors(int victim, int n_spare)
      : spare(n_spare), start_ns(monotonic_ns()), ranks(kRanks, [&](int rank, const strettoUniqueId& id) {
          RankPlan plan;
          plan.n = kRanks;
          plan.before_init = [&] {
            // With too few to reach the others, it cannot tell them: they find out by the deadline.
            setenv("STRETTO_SETUP_TIMEOUT_MS", "10000", 1);
            if (rank == victim) leave_descriptors(n_spare);
          };
          return run_rank(rank, id, plan);
        }) {}

  int spare;
  std::int64_t start_ns;
  Processes ranks;
};

void run_short_of_descriptors(int victim) {
  constexpr int kAtOnce = 3;  // they mostly wait
  bool some_failed = false;
  bool some_succeeded = false;
  for (int spare = 2; spare <= 16 && !some_succeeded; spare += kAtOnce) {
    std::vector<std::unique_ptr<ShortOfDescriptors>> trials;
    for (int i = 0; i < kAtOnce; ++i) trials.push_back(std::make_unique<ShortOfDescriptors>(victim, spare + i));
    for (const auto& trial : trials) {
      SCOPED_TRACE(::testing::Message() << "victim=" << victim << " spare descriptors=" << trial->spare);
      ASSERT_TRUE(trial->ranks.wait(std::chrono::seconds(30))) << "a rank hung";
      if (trial->ranks.report(victim).result == strettoSuccess) {
        some_succeeded = true;
        expect_all_succeeded(trial->ranks, kRanks);
      } else {
        some_failed = true;
        expect_victim_named(trial->ranks, victim, "ulimit -n", trial->start_ns);
      }
      if (::testing::Test::HasFailure()) return;
    }
  }
  EXPECT_TRUE(some_failed && some_succeeded);
}

TEST(Refusal, DescriptorsOfALeaf_AreNamedOnEveryRank) { run_short_of_descriptors(3); }
TEST(Refusal, DescriptorsOfAnInnerRank_AreNamedOnEveryRank) { run_short_of_descriptors(1); }
TEST(Refusal, DescriptorsOfTheRoot_AreNamedOnEveryRank) { run_short_of_descriptors(0); }

void run_short_of_memory(int victim, int resource, rlim_t value, const char* advice) {
  const std::int64_t start_ns = monotonic_ns();
  Processes ranks(kRanks, [&](int rank, const strettoUniqueId& id) {
    RankPlan plan;
    plan.n = kRanks;
    plan.before_init = [&] {
      setenv("STRETTO_SHM_SLOT_BYTES", "16777216", 1);  // 1.5 GiB in all: more than what is left below the limit
      if (rank == victim) limit(resource, value);
    };
    return run_rank(rank, id, plan);
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(40))) << "a rank hung";
  expect_victim_named(ranks, victim, advice, start_ns);
}

// The leader makes the memory, and so meets the limit on files; every rank maps it.
TEST(Refusal, FileSizeOfTheLeader_IsNamedOnEveryRank) { run_short_of_memory(0, RLIMIT_FSIZE, 0, "ulimit -v, -f"); }
TEST(Refusal, AddressSpaceOfTheLeader_IsNamedOnEveryRank) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs an unlimited address space";
#endif
  run_short_of_memory(0, RLIMIT_AS, rlim_t{1} << 30, "ulimit -v");
}
TEST(Refusal, AddressSpaceOfAJoiner_IsNamedOnEveryRank) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer needs an unlimited address space";
#endif
  run_short_of_memory(2, RLIMIT_AS, rlim_t{1} << 30, "ulimit -v");
}

/// Every rank with a /dev/shm of its own, of a page, made by itself.
TEST(Refusal, DevShmOfOnePage_IsNotNoticed) {
  constexpr int kNoNamespace = 100;
  Processes ranks(kRanks, [](int rank, const strettoUniqueId& id) {
    RankReport report;
    report.result = kNoNamespace;
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=4096") != 0) {
      return report;
    }
    RankPlan plan;
    plan.n = kRanks;
    plan.count = 1 << 20;
    return run_rank(rank, id, plan);
  });
  const bool in_time = ranks.wait(std::chrono::seconds(40));
  if (ranks.report(0).result == kNoNamespace) GTEST_SKIP() << "no mount namespaces: needs CAP_SYS_ADMIN";
  ASSERT_TRUE(in_time);
  expect_all_succeeded(ranks, kRanks);
}

}  // namespace
}  // namespace stretto
