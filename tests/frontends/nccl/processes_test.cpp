// Ranks of libnccl.so.2 that are processes: they open the library, meet by an id that is shipped to them, and one dies.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>

#include "library.hpp"

namespace stretto {
namespace {

using nccl_test::nccl;

/// Forks `n` children before anything is opened here; each runs body(rank, id) and exits with what that returns.
/// Returns what waitpid says of each.
std::vector<int> run_processes(
    int n, const std::function<int(int, const ncclUniqueId&)>& body, const std::function<void()>& before = [] {}) {
  int ids[2];
  EXPECT_EQ(pipe(ids), 0);
  std::vector<pid_t> children;
  for (int rank = 0; rank < n; ++rank) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(60);
      before();
      ncclUniqueId id;
      if (rank == 0) {
        if (nccl().GetUniqueId(&id) != ncclSuccess) _exit(101);
        for (int other = 1; other < n; ++other) {
          if (write(ids[1], &id, sizeof id) != sizeof id) _exit(102);
        }
      } else if (read(ids[0], &id, sizeof id) != sizeof id) {
        _exit(103);
      }
      std::exit(body(rank, id));  // with static destructors, as a program's end has
    }
    children.push_back(child);
  }
  close(ids[0]);
  close(ids[1]);
  std::vector<int> ends;
  for (const pid_t child : children) {
    int status = -1;
    EXPECT_EQ(waitpid(child, &status, 0), child);
    ends.push_back(status);
  }
  return ends;
}

TEST(NcclProcesses, RanksWithAnId_ReduceAndSplitAndPass) {
  constexpr int kRanks = 4;
  const std::vector<int> ends = run_processes(kRanks, [](int rank, const ncclUniqueId& id) {
    ncclComm_t comm = nullptr;
    if (nccl().CommInitRank(&comm, kRanks, id, rank) != ncclSuccess) return 1;
    std::vector<float> data(10'000, static_cast<float>(rank));
    if (nccl().AllReduce(data.data(), data.data(), data.size(), ncclFloat, ncclSum, comm, nullptr) != ncclSuccess) {
      return 2;
    }
    if (data != std::vector<float>(10'000, 6)) return 3;
    ncclComm_t part = nullptr;
    if (nccl().CommSplit(comm, rank % 2, rank, &part, nullptr) != ncclSuccess) return 4;
    const int next = 1 - rank / 2;
    float given = static_cast<float>(rank);
    float taken = -1;
    nccl().GroupStart();
    nccl().Send(&given, 1, ncclFloat, next, part, nullptr);
    nccl().Recv(&taken, 1, ncclFloat, next, part, nullptr);
    if (nccl().GroupEnd() != ncclSuccess) return 5;
    if (taken != static_cast<float>((rank + 2) % kRanks)) return 6;
    return nccl().CommDestroy(part) == ncclSuccess && nccl().CommDestroy(comm) == ncclSuccess ? 0 : 7;
  });
  for (const int end : ends) EXPECT_EQ(end, 0) << "exit status " << WEXITSTATUS(end);
}

TEST(NcclProcesses, RankThatIsKilled_IsARemoteErrorAndTheRestGoesOn) {
  constexpr int kRanks = 3;
  int started[2];  // the others' word that their set-up has ended
  ASSERT_EQ(pipe(started), 0);
  const std::vector<int> ends = run_processes(kRanks, [&](int rank, const ncclUniqueId& id) {
    ncclComm_t comm = nullptr;
    if (nccl().CommInitRank(&comm, kRanks, id, rank) != ncclSuccess) return 1;
    char word = 'x';
    if (rank == 1) {
      for (int other = 1; other < kRanks; ++other) {
        if (read(started[0], &word, 1) != 1) return 7;
      }
      raise(SIGKILL);
    }
    if (write(started[1], &word, 1) != 1) return 8;
    std::int64_t value = 1;
    if (nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, nullptr) != ncclRemoteError) return 2;
    ncclResult_t state = ncclSuccess;
    if (nccl().CommGetAsyncError(comm, &state) != ncclSuccess || state != ncclRemoteError) return 3;
    int exclude[] = {1};
    ncclComm_t rest = nullptr;
    if (nccl().CommShrink(comm, exclude, 1, &rest, nullptr, NCCL_SHRINK_ABORT) != ncclSuccess) return 4;
    value = 1;
    if (nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, rest, nullptr) != ncclSuccess || value != 2) return 5;
    return nccl().CommDestroy(rest) == ncclSuccess && nccl().CommAbort(comm) == ncclSuccess ? 0 : 6;
  });
  close(started[0]);
  close(started[1]);
  EXPECT_EQ(ends[0], 0) << "exit status " << WEXITSTATUS(ends[0]);
  EXPECT_TRUE(WIFSIGNALED(ends[1]));
  EXPECT_EQ(ends[2], 0) << "exit status " << WEXITSTATUS(ends[2]);
}

/// The parent's threads and communicators are none of the child's, which has its own.
TEST(NcclProcesses, ForkedAfterUse_ChildrenStartAnew) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers do not support the child of a process with threads";
#endif
  nccl_test::Ranks parents(2);
  parents.run([](int, ncclComm_t comm) { nccl_test::expect_sum(comm, 1, 2); });
  const std::vector<int> ends = run_processes(2, [](int rank, const ncclUniqueId& id) {
    ncclComm_t comm = nullptr;
    if (nccl().CommInitRank(&comm, 2, id, rank) != ncclSuccess) return 1;
    std::int64_t value = 1;
    if (nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, nullptr) != ncclSuccess || value != 2) return 2;
    if (nccl().CommDestroy(comm) != ncclSuccess) return 3;
    ncclUniqueId own;
    if (nccl().GetUniqueId(&own) != ncclSuccess || nccl().CommInitRank(&comm, 1, own, 0) != ncclSuccess) return 4;
    return nccl().CommAbort(comm) == ncclSuccess ? 0 : 5;
  });
  EXPECT_EQ(ends, std::vector<int>(2, 0));
  parents.run([](int, ncclComm_t comm) { nccl_test::expect_sum(comm, 2, 4); });
}

/// What each rank makes by itself: nothing is handed on.
int rank_with_an_id_of_its_own(int rank, int n_ranks) {
  ncclUniqueId id;
  if (nccl().GetUniqueId(&id) != ncclSuccess) return 1;
  for (int round = 0; round < 3; ++round) {  // one communicator after another
    ncclComm_t comm = nullptr;
    if (nccl().CommInitRank(&comm, n_ranks, id, rank) != ncclSuccess) return 10 + round;
    std::int64_t value = rank + round;
    if (nccl().AllReduce(&value, &value, 1, ncclInt64, ncclSum, comm, nullptr) != ncclSuccess) return 20 + round;
    if (value != n_ranks * (n_ranks - 1) / 2 + n_ranks * round) return 30 + round;
    if (nccl().CommDestroy(comm) != ncclSuccess) return 40 + round;
  }
  return 0;
}

/// Of no other run of this test on this host.
std::string own_address() { return "127.0.0.1:" + std::to_string(getpid()); }

TEST(NcclProcesses, CommId_NamesTheSameRendezvousToAll) {
  const std::string address = own_address();
  const std::vector<int> ends = run_processes(
      4, [](int rank, const ncclUniqueId&) { return rank_with_an_id_of_its_own(rank, 4); },
      [&] { setenv("NCCL_COMM_ID", address.c_str(), 1); });
  for (const int end : ends) EXPECT_EQ(end, 0) << "exit status " << WEXITSTATUS(end);
}

TEST(NcclProcesses, CommIdWithSeveralRanksAThread_MeetInAGroup) {
  const std::string address = own_address();
  const std::vector<int> ends = run_processes(
      2,
      [](int process, const ncclUniqueId&) {
        ncclUniqueId id;
        if (nccl().GetUniqueId(&id) != ncclSuccess) return 1;
        std::array<ncclComm_t, 2> comms{};
        if (nccl().GroupStart() != ncclSuccess) return 2;
        for (int i = 0; i < 2; ++i) {
          if (nccl().CommInitRank(&comms[static_cast<std::size_t>(i)], 4, id, 2 * process + i) != ncclSuccess) return 3;
        }
        if (nccl().GroupEnd() != ncclSuccess) return 4;
        nccl_test::in_threads(2, [&](int i) {
          nccl_test::expect_sum(comms[static_cast<std::size_t>(i)], 1, 4);
          nccl().CommDestroy(comms[static_cast<std::size_t>(i)]);
        });
        return testing::Test::HasFailure() ? 5 : 0;
      },
      [&] { setenv("NCCL_COMM_ID", address.c_str(), 1); });
  for (const int end : ends) EXPECT_EQ(end, 0) << "exit status " << WEXITSTATUS(end);
}

TEST(NcclProcesses, CommIdOfARankThatNeverComes_IsTheDeadlinesError) {
  const std::string address = own_address();
  const std::vector<int> ends = run_processes(
      2,
      [](int rank, const ncclUniqueId&) {
        ncclUniqueId id;
        ncclComm_t comm = nullptr;
        if (nccl().GetUniqueId(&id) != ncclSuccess) return 1;
        if (nccl().CommInitRank(&comm, 3, id, rank) != ncclTimeout) return 2;
        const std::string text = nccl().GetLastError(nullptr);
        return text.find("have not come") != std::string::npos && text.find("NCCL_COMM_ID") != std::string::npos ? 0
                                                                                                                 : 3;
      },
      [&] {
        setenv("NCCL_COMM_ID", address.c_str(), 1);
        setenv("STRETTO_SETUP_TIMEOUT_MS", "1500", 1);
      });
  for (const int end : ends) EXPECT_EQ(end, 0) << "exit status " << WEXITSTATUS(end);
}

TEST(NcclProcesses, CommBlockingOff_IsForCommunicatorsThatDoNotSay) {
  const std::vector<int> ends = run_processes(
      1,
      [](int, const ncclUniqueId& id) {
        ncclComm_t comm = nullptr;
        if (nccl().CommInitRank(&comm, 1, id, 0) != ncclInProgress || nccl_test::settle(comm) != ncclSuccess) return 1;
        ncclComm_t part = nullptr;
        ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
        config.blocking = 1;
        if (nccl().CommSplit(comm, 0, 0, &part, &config) != ncclInProgress) return 2;
        if (nccl_test::settle(comm) != ncclSuccess || nccl().CommFinalize(part) != ncclSuccess) return 3;
        return nccl().CommDestroy(part) == ncclSuccess && nccl().CommDestroy(comm) == ncclSuccess ? 0 : 4;
      },
      [] { setenv("NCCL_COMM_BLOCKING", "0", 1); });
  for (const int end : ends) EXPECT_EQ(end, 0) << "exit status " << WEXITSTATUS(end);
}

/// The library's threads may still be at work then.
TEST(NcclProcesses, EndWhileASplitIsUnderWay_IsAnEnd) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers report threads and memory that are left when a process ends";
#endif
  const std::vector<int> ends = run_processes(1, [](int, const ncclUniqueId& id) {
    std::array<ncclComm_t, 2> comms{};
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    for (int rank = 0; rank < 2; ++rank) {
      if (nccl().CommInitRankConfig(&comms[static_cast<std::size_t>(rank)], 2, id, rank, &config) != ncclInProgress) {
        return 1;
      }
    }
    for (ncclComm_t const comm : comms) {
      if (nccl_test::settle(comm) != ncclSuccess) return 2;
    }
    static ncclComm_t part = nullptr;
    return nccl().CommSplit(comms[0], 0, 0, &part, nullptr) == ncclInProgress ? 0 : 3;
  });
  EXPECT_EQ(ends, std::vector<int>(1, 0));
}

/// The child's file of logs, which NCCL's variable names.
TEST(NcclProcesses, VariablesOfNccls_AreHonouredOrSaidToBeIgnored) {
  std::string folder = testing::TempDir() + "nccl_variables_XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/log";
  const std::vector<int> ends = run_processes(
      1, [&](int, const ncclUniqueId&) { return 0; },
      [&] {
        setenv("NCCL_DEBUG", "INFO", 1);
        setenv("NCCL_DEBUG_FILE", path.c_str(), 1);
        setenv("NCCL_P2P_DISABLE", "1", 1);
      });
  EXPECT_EQ(ends, std::vector<int>(1, 0));
  std::ifstream file(path);
  const std::string log{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  EXPECT_NE(log.find("variable=NCCL_DEBUG value=\"INFO\" state=honoured"), std::string::npos) << log;
  EXPECT_NE(log.find("variable=NCCL_P2P_DISABLE value=\"1\" state=ignored"), std::string::npos) << log;
  unlink(path.c_str());
  rmdir(folder.c_str());
}

}  // namespace
}  // namespace stretto
