// Ranks that fork: the child keeps nothing of its parent's communicators alive, cannot harm them, and can make its own.
#include <dirent.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "support/processes.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;

/// Words seen by the test and by all its processes.
class Shared {
 public:
  Shared() {
    void* memory = mmap(nullptr, sizeof(Words), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) std::abort();
    words_ = new (memory) Words;
  }
  ~Shared() { munmap(words_, sizeof(Words)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  std::atomic<std::int64_t>& operator[](std::size_t i) { return words_->words[i]; }

 private:
  struct Words {
    std::atomic<std::int64_t> words[16] = {};
  };
  Words* words_;
};

/// Whether the word becomes other than 0, within 20 s.
bool becomes_known(std::atomic<std::int64_t>& word) {
  const std::int64_t limit_ns = monotonic_ns() + 20 * kSecondNs;
  while (word.load() == 0 && monotonic_ns() < limit_ns) usleep(200);
  return word.load() != 0;
}

/// Of this process: descriptors that are sockets or shared memory, and shared mappings of the library.
int held_of_the_library() {
  int held = 0;
  DIR* const listing = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(listing)) {
    char target[256] = {};
    if (readlinkat(dirfd(listing), entry->d_name, target, sizeof target - 1) <= 0) continue;
    held += std::strncmp(target, "socket:", 7) == 0 || std::strstr(target, "memfd:") != nullptr ||
            std::strstr(target, "[event") != nullptr;
  }
  closedir(listing);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) held += line.find("/memfd:") != std::string::npos;
  return held;
}

strettoResult_t sum(strettoComm_t comm, std::int64_t mine, std::int64_t& total) {
  total = -1;
  return strettoAllReduce(&mine, &total, 1, strettoInt64, strettoSum, comm, nullptr);
}

/// A communicator of two ranks in this process, made, used and destroyed; 0 if all went well.
int make_and_use_one() {
  strettoComm_t comms[2] = {};
  if (strettoCommInitAll(comms, 2, nullptr) != strettoSuccess) return 10;
  std::int64_t totals[2] = {};
  strettoResult_t results[2] = {};
  std::thread other([&] { results[1] = sum(comms[1], 30, totals[1]); });
  results[0] = sum(comms[0], 12, totals[0]);
  other.join();
  for (int rank = 0; rank < 2; ++rank) {
    if (results[rank] != strettoSuccess || totals[rank] != 42) return 11;
  }
  for (strettoComm_t comm : comms) {
    if (strettoCommDestroy(comm) != strettoSuccess) return 12;
  }
  return 0;
}

/// Exit status of a child that runs `body`.
template <typename Body>
int in_a_child(const Body& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

// A data loader's worker, say: it lives on when its parent has died.
TEST(Fork, RankKilledWhileItsChildLives_IsNamedWithinASecond) {
  constexpr int kVictim = 1;
  enum { child = 3, held = 4 };  // 0 to 2: when each rank was told
  Shared shared;
  Processes ranks(3, [&](int rank, const strettoUniqueId& id) {
    strettoComm_t comm = nullptr;
    strettoResult_t result = strettoCommInitRank(&comm, 3, id, rank);
    std::int64_t total = 0;
    if (result == strettoSuccess) result = sum(comm, 1, total);
    if (rank == kVictim && result == strettoSuccess) {
      const pid_t forked = fork();
      if (forked == 0) {
        shared[held] = 1 + held_of_the_library();
        for (;;) pause();
      }
      shared[child] = forked;
    }
    while (result == strettoSuccess) result = sum(comm, 1, total);
    const RankReport report = report_of(comm, result);
    shared[static_cast<std::size_t>(rank)] = report.at_ns;
    strettoCommDestroy(comm);
    return report;
  });
  const bool forked = becomes_known(shared[child]) && becomes_known(shared[held]);
  const std::int64_t killed_ns = monotonic_ns();
  ranks.kill(kVictim, SIGKILL);
  const bool told = becomes_known(shared[0]) && becomes_known(shared[2]);
  // The child holds the victim's pipe to the test, so it goes before the test waits for reports.
  if (shared[child] > 0) kill(static_cast<pid_t>(shared[child].load()), SIGKILL);
  ASSERT_TRUE(forked);
  EXPECT_TRUE(told);
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(20))) << "a survivor hung";
  EXPECT_EQ(shared[held], 1) << "the child has the parent's sockets, shared memory or wait set";
  for (const int rank : {0, 2}) {
    EXPECT_EQ(ranks.report(rank).result, strettoRemoteError) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).peer, kVictim) << ranks.report(rank).text;
    EXPECT_LT(ranks.report(rank).at_ns - killed_ns, kSecondNs) << ranks.report(rank).text;
  }
}

/// Calls each function on a communicator of the parent's; the number of the first that is not refused, or 0.
int all_are_refused(strettoComm_t comm) {
  int number = -1;
  strettoResult_t state = strettoNumResults;
  std::int64_t total = 0;
  const auto refused = [](strettoResult_t result) {
    strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
    strettoGetErrorInfo(nullptr, &info);
    return result == strettoInvalidUsage && info.code == result && std::strcmp(info.field, "comm") == 0 &&
           std::strstr(info.text, "before fork") != nullptr &&
           std::strstr(info.text, std::to_string(getppid()).c_str()) != nullptr;
  };
  if (!refused(sum(comm, 1, total)) || total != -1) return 1;
  if (!refused(strettoCommCount(comm, &number)) || number != -1) return 2;
  if (!refused(strettoCommGetAsyncError(comm, &state))) return 3;
  if (!refused(strettoCommAbort(comm))) return 4;
  if (!refused(strettoCommFinalize(comm))) return 5;
  if (std::strstr(strettoGetLastError(comm), "before fork") == nullptr) return 6;
  if (!refused(strettoCommDestroy(comm))) return 7;
  return 0;
}

TEST(Fork, CallsOfTheChildOnItsParentsCommunicator_AreRefusedAndHarmNothing) {
  Processes ranks(2, [&](int rank, const strettoUniqueId& id) {
    strettoComm_t comm = nullptr;
    strettoResult_t result = strettoCommInitRank(&comm, 2, id, rank);
    std::int64_t total = 0;
    if (result == strettoSuccess) result = sum(comm, 1, total);
    const int status = in_a_child([&] { return all_are_refused(comm); });
    if (result == strettoSuccess) result = sum(comm, 1 + rank, total);
    RankReport report = report_of(comm, result);
    report.value = status != 0 ? status : total == 3 ? 0 : -1;
    strettoCommDestroy(comm);
    return report;
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(30)));
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 0);
  }
}

/// What keeps a child from using the library, or nullptr.
const char* sanitizer_of_children() {
#if defined(__SANITIZE_THREAD__)
  return "ThreadSanitizer starts no threads in a child of a process with threads";
#elif defined(__SANITIZE_ADDRESS__)
  return "the sanitizer's allocator keeps its locks in a forked child";
#else
  return nullptr;
#endif
}

TEST(Fork, ChildsOwnCommunicators_Work) {
  if (const char* why = sanitizer_of_children(); why != nullptr) GTEST_SKIP() << why;
  Processes ranks(2, [&](int rank, const strettoUniqueId& id) {
    strettoComm_t comm = nullptr;
    strettoResult_t result = strettoCommInitRank(&comm, 2, id, rank);
    const int status = in_a_child([] {
      const int mine = make_and_use_one();
      return mine != 0 ? mine : in_a_child(make_and_use_one);  // and a grandchild's
    });
    std::int64_t total = 0;
    if (result == strettoSuccess) result = sum(comm, 1 + rank, total);
    RankReport report = report_of(comm, result);
    report.value = status != 0 ? status : total == 3 ? 0 : -1;
    strettoCommDestroy(comm);
    return report;
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(30)));
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, 0);
  }
}

// Whatever locks other threads held at the fork, the child has its own.
TEST(Fork, WhileOtherThreadsMakeAndDestroyCommunicators_ChildWorks) {
  if (const char* why = sanitizer_of_children(); why != nullptr) GTEST_SKIP() << why;
  Processes ranks(1, [&](int, const strettoUniqueId&) {
    std::atomic<bool> stop{false};
    std::atomic<int> failed{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        while (!stop.load()) failed += make_and_use_one() != 0;
      });
    }
    RankReport report;
    report.result = strettoSuccess;
    report.value = make_and_use_one();
    for (int i = 0; i < 20 && report.value == 0; ++i) report.value = in_a_child(make_and_use_one);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    if (failed != 0) report.value = 1000 + failed;
    return report;
  });
  ASSERT_TRUE(ranks.wait(std::chrono::seconds(60))) << "a child hung";
  ASSERT_TRUE(ranks.reported(0)) << ranks.status(0);
  EXPECT_EQ(ranks.report(0).value, 0);
}

}  // namespace
}  // namespace stretto
