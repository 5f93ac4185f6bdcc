// Communicators from the environment of a launcher, on one host: who meets whom, and what each rank hears when they
// cannot start. The variables are set by hand; tests/launchers/CMakeLists.txt has the launchers themselves.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/system.hpp"
#include "bootstrap/job_key.hpp"
#include "bootstrap/meeting.hpp"
#include "launchers/launched_ranks.hpp"

namespace stretto {
namespace {

using std::chrono::seconds;

struct Case {
  const char* name;
  Words (*words)(int rank, int n_ranks);
};

class OfLauncher : public testing::TestWithParam<Case> {};

void expect_sums(const Processes& ranks, int n, std::int64_t sum) {
  for (int rank = 0; rank < n; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSuccess) << rank << ": " << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).value, sum) << rank;
  }
}

TEST_P(OfLauncher, Ranks_StartAndReduce) {
  LaunchedRanks ranks(4, [](int rank) { return GetParam().words(rank, 4); });
  ASSERT_TRUE(ranks.wait(seconds(60)));
  expect_sums(ranks, 4, 15);
}

TEST_P(OfLauncher, SeveralCommunicators_StartOneAfterTheOther) {
  Processes ranks(3, [](int rank, const strettoUniqueId&) {
    put_into_environment(GetParam().words(rank, 3));
    strettoComm_t first = nullptr;
    strettoResult_t result = strettoCommInitEnvironment(&first, nullptr);
    RankReport report = report_of(nullptr, result);
    for (int i = 0; i < 3 && report.result == strettoSuccess; ++i) report = start_and_sum(std::int64_t{1} << rank);
    strettoCommDestroy(first);
    return report;
  });
  ASSERT_TRUE(ranks.wait(seconds(60)));
  expect_sums(ranks, 3, 7);
}

/// Two launchers of one user, one process each, whose jobs run at the same time.
TEST_P(OfLauncher, JobsAtTheSameTime_DoNotMix) {
  constexpr int kJobs = 3;
  pid_t launchers[kJobs];
  for (int job = 0; job < kJobs; ++job) {
    launchers[job] = fork();
    if (launchers[job] != 0) continue;
    const int n = 2 + job;
    LaunchedRanks ranks(n, [job, n](int rank) {
      const std::string number = std::to_string(30000 + job);
      // What its launcher would give another one of.
      return GetParam().words(rank, n) +
             Words{{"MASTER_PORT", number}, {"PMIX_SERVER_URI41", number}, {"SLURM_STEP_ID", number}};
    });
    bool right = ranks.wait(seconds(60));
    for (int rank = 0; rank < n; ++rank) right = right && ranks.report(rank).value == (1 << n) - 1;
    _exit(right ? 0 : 1);
  }
  for (const pid_t launcher : launchers) {
    int status = -1;
    waitpid(launcher, &status, 0);
    EXPECT_EQ(status, 0);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Launchers, OfLauncher,
    testing::Values(Case{"torchrun", [](int r, int n) { return torchrun(r, n); }},
                    Case{"open_mpi", [](int r, int n) { return open_mpi(r, n); }},
                    Case{"mpich", [](int r, int n) { return mpich(r, n); }},
                    Case{"slurm", [](int r, int n) { return slurm(r, n); }},
                    Case{"env", [](int r, int n) { return env(r, n); }},
                    Case{"mpirun_in_slurm", [](int r, int n) { return slurm(0, 1) + open_mpi(r, n); }},
                    Case{"torchrun_in_slurm", [](int r, int n) { return slurm(0, 1) + torchrun(r, n); }}),
    [](const auto& one) { return std::string(one.param.name); });

// A fifth of the time is for rank 0 to tell the others before they give up by themselves: on a busy machine it takes
// some.
const Words kShort = {{"STRETTO_SETUP_TIMEOUT_MS", "8000"}};

TEST(Launched, RankThatDoesNotCome_IsNamedToAll) {
  LaunchedRanks ranks(3, [](int place) { return env(place, 4) + kShort; });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoTimeout) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).rank, rank);
    EXPECT_EQ(ranks.report(rank).peer, 3) << ranks.report(rank).text;
  }
}

TEST(Launched, RootThatDoesNotCome_IsNamedToAll) {
  LaunchedRanks ranks(2, [](int place) { return slurm(place + 1, 3) + Words{{"STRETTO_SETUP_TIMEOUT_MS", "500"}}; });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  for (int place = 0; place < 2; ++place) {
    EXPECT_EQ(ranks.report(place).result, strettoTimeout) << ranks.report(place).text;
    EXPECT_EQ(ranks.report(place).peer, 0) << ranks.report(place).text;
    EXPECT_NE(std::strstr(ranks.report(place).text, ("SLURM_JOB_ID=" + kTest).c_str()), nullptr)
        << ranks.report(place).text;
  }
}

/// The name where the ranks of a Slurm step meet: anybody can compute it.
std::string name_of(int n_ranks, std::uint32_t user) {
  return meeting_name(read_launch(slurm(0, n_ranks), "slurm"), 0, "", user, {});
}

TEST(Launched, RankThatDies_IsNamedToAllAtOnce) {
  constexpr int kVictim = 3;  // of five: the fifth never comes
  LaunchedRanks ranks(3, [](int rank) { return slurm(rank, 5); });
  // The victim comes, says who it is, and is gone.
  System& system = posix_system();
  const std::int64_t start_ns = monotonic_ns();
  Handle socket;
  for (int os_error = 0; monotonic_ns() - start_ns < 10'000'000'000;) {
    socket = system.connect_local(name_of(5, geteuid()));
    if (system.connect_status(socket.id(), os_error) == ConnectStatus::connected) break;
    usleep(200);
  }
  MeetingCard card;
  card.rank = kVictim;
  card.n_ranks = 5;
  card.remaining_ns = 60'000'000'000;
  EXPECT_EQ(system.send(socket.id(), std::as_bytes(std::span(&card, 1))).bytes, sizeof card);
  socket.reset();
  ASSERT_TRUE(ranks.wait(seconds(40)));
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoRemoteError) << ranks.report(rank).text;
    EXPECT_EQ(ranks.report(rank).peer, kVictim) << ranks.report(rank).text;
  }
}

TEST(Launched, DifferentNumbersOfRanks_NameTheVariableAndBothSides) {
  LaunchedRanks ranks(3, [](int place) { return open_mpi(place, place == 1 ? 4 : 3); });
  ASSERT_TRUE(ranks.wait(seconds(40)));
  for (int rank = 0; rank < 3; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoInvalidUsage) << ranks.report(rank).text;
    EXPECT_STREQ(ranks.report(rank).field, "OMPI_COMM_WORLD_SIZE");
    EXPECT_EQ(ranks.report(rank).peer, 1);
    EXPECT_NE(std::strstr(ranks.report(rank).text, "one of 4"), nullptr) << ranks.report(rank).text;
    EXPECT_NE(std::strstr(ranks.report(rank).text, "one of 3"), nullptr) << ranks.report(rank).text;
  }
}

TEST(Launched, RankGivenTwice_NamesTheVariable) {
  LaunchedRanks ranks(3, [](int place) { return mpich(place == 2 ? 1 : place, 3); });
  ASSERT_TRUE(ranks.wait(seconds(40)));
  for (int place = 0; place < 3; ++place) {
    EXPECT_EQ(ranks.report(place).result, strettoInvalidUsage) << ranks.report(place).text;
    EXPECT_STREQ(ranks.report(place).field, "PMI_RANK");
    EXPECT_EQ(ranks.report(place).peer, 1) << ranks.report(place).text;
  }
}

TEST(Launched, TwoRootsOfOneJob_HearOfEachOther) {
  LaunchedRanks ranks(2, [](int) { return env(0, 2); });
  ASSERT_TRUE(ranks.wait(seconds(40)));
  std::vector<int> results = {ranks.report(0).result, ranks.report(1).result};
  std::sort(results.begin(), results.end());
  // The one that has the name is told of the other; that one is told which process has it.
  EXPECT_EQ(results, (std::vector<int>{strettoSystemError, strettoInvalidUsage})) << ranks.report(0).text;
}

TEST(Launched, RankWithABadSetting_IsHeardOfByAll) {
  for (const int unfit : {0, 2}) {
    LaunchedRanks ranks(3, [unfit](int rank) {
      return torchrun(rank, 3) + Words{{"STRETTO_ALGORITHM", rank == unfit ? "rings" : "ring"}};
    });
    ASSERT_TRUE(ranks.wait(seconds(40)));
    for (int rank = 0; rank < 3; ++rank) {
      const RankReport& report = ranks.report(rank);
      EXPECT_EQ(report.result, rank == unfit ? strettoInvalidArgument : strettoRemoteError) << report.text;
      EXPECT_STREQ(report.field, "STRETTO_ALGORITHM") << report.text;
      EXPECT_EQ(report.peer, rank == unfit ? -1 : unfit) << report.text;
    }
  }
}

TEST(Launched, OneRank_MeetsNobody) {
  LaunchedRanks ranks(1, [](int) { return Words{{"RANK", "0"}, {"WORLD_SIZE", "1"}}; });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  expect_sums(ranks, 1, 1);
}

TEST(Launched, WithoutBlocking_MeetsAtOnceAndIsReadyLater) {
  Processes ranks(3, [](int rank, const strettoUniqueId&) {
    put_into_environment(slurm(rank, 3));
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.blocking = 0;
    strettoComm_t comm = nullptr;
    strettoResult_t state = strettoCommInitEnvironment(&comm, &config);
    while (state == strettoInProgress && strettoCommGetAsyncError(comm, &state) == strettoSuccess) {
    }
    RankReport report = report_of(comm, state);
    std::int64_t mine = std::int64_t{1} << rank;
    if (state == strettoSuccess) {
      report.result = strettoAllReduce(&mine, &report.value, 1, strettoInt64, strettoSum, comm, nullptr);
      while (report.result == strettoInProgress && strettoCommGetAsyncError(comm, &state) == strettoSuccess) {
        report.result = state;
      }
    }
    strettoCommDestroy(comm);
    return report;
  });
  ASSERT_TRUE(ranks.wait(seconds(60)));
  expect_sums(ranks, 3, 7);
}

TEST(Launched, ForkedChildrenOfRanks_StartAmongThemselves) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "sanitizers do not support the child of a process with threads";
#endif
  Processes ranks(3, [](int rank, const strettoUniqueId&) {
    put_into_environment(env(rank, 3));
    strettoComm_t comm = nullptr;
    const strettoResult_t result = strettoCommInitEnvironment(&comm, nullptr);
    RankReport report = report_of(comm, result);
    const pid_t child = fork();
    if (child == 0) _exit(start_and_sum(std::int64_t{1} << rank).value == 7 ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    if (report.result == strettoSuccess) report = start_and_sum(std::int64_t{1} << rank);
    if (status != 0) report.value = -2;
    strettoCommDestroy(comm);
    return report;
  });
  ASSERT_TRUE(ranks.wait(seconds(60)));
  expect_sums(ranks, 3, 7);
}

TEST(Launched, WithoutALauncher_SaysHowToStart) {
  LaunchedRanks ranks(1, [](int) { return Words(); });
  ASSERT_TRUE(ranks.wait(seconds(30)));
  EXPECT_EQ(ranks.report(0).result, strettoInvalidUsage);
  EXPECT_STREQ(ranks.report(0).field, "launcher");
}

/// Runs `body` in a process of user 65534, and returns its process number.
template <typename Body>
pid_t as_nobody(const Body& body) {
  const pid_t child = fork();
  if (child != 0) return child;
  if (setgid(65534) != 0 || setuid(65534) != 0) _exit(99);
  body();
  _exit(0);
}

void end(pid_t child) {
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

TEST(Launched, StrangersOfAnotherUser_AreTurnedAwayUnheard) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  const std::string name = name_of(3, 0);
  int spoken[2];
  ASSERT_EQ(pipe(spoken), 0);
  const pid_t stranger = as_nobody([&] {
    System& system = posix_system();
    std::vector<Handle> sockets;
    for (;;) {
      if (sockets.size() > 100) sockets.clear();
      sockets.push_back(system.connect_local(name));
      int os_error = 0;
      if (system.connect_status(sockets.back().id(), os_error) != ConnectStatus::connected) {
        sockets.pop_back();
        continue;
      }
      MeetingCard card;  // as if it were one of the ranks
      card.rank = 1;
      card.n_ranks = 3;
      card.remaining_ns = 60'000'000'000;
      if (system.send(sockets.back().id(), std::as_bytes(std::span(&card, 1))).bytes == sizeof card) {
        if (write(spoken[1], "x", 1) != 1) _exit(1);
      }
      for (const Handle& socket : sockets) {
        std::byte word[8] = {};
        if (system.receive(socket.id(), word).bytes > 0) _exit(55);  // the id, say
      }
    }
  });
  LaunchedRanks ranks(3, [&](int rank) {
    char word = 0;
    if (rank == 2 && read(spoken[0], &word, 1) != 1) std::abort();  // the last comes when the stranger has been there
    return slurm(rank, 3);
  });
  EXPECT_TRUE(ranks.wait(seconds(60)));
  expect_sums(ranks, 3, 7);
  EXPECT_EQ(waitpid(stranger, nullptr, WNOHANG), 0) << "the stranger was told something";
  end(stranger);
  close(spoken[0]);
  close(spoken[1]);
}

TEST(Launched, StrangerInPlaceOfTheRoot_IsNamedAndToldNothing) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to be another user";
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t stranger = as_nobody([&] {
    System& system = posix_system();
    const Handle listener = system.listen_local(name_of(2, 0));
    if (write(ready[1], "x", 1) != 1) _exit(1);
    std::vector<Handle> guests;
    for (;;) {
      if (Handle guest = system.accept(listener.id()); guest) guests.push_back(std::move(guest));
      for (const Handle& guest : guests) {
        std::byte word[8] = {};
        if (system.receive(guest.id(), word).bytes > 0) _exit(55);
      }
      usleep(500);
    }
  });
  char word = 0;
  ASSERT_EQ(read(ready[0], &word, 1), 1);
  LaunchedRanks ranks(2, [](int rank) { return slurm(rank, 2); });
  EXPECT_TRUE(ranks.wait(seconds(60)));
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(ranks.report(rank).result, strettoSystemError) << ranks.report(rank).text;
    EXPECT_NE(std::strstr(ranks.report(rank).text, "user 65534"), nullptr) << ranks.report(rank).text;
  }
  EXPECT_EQ(waitpid(stranger, nullptr, WNOHANG), 0) << "the stranger was told something";
  end(stranger);
  close(ready[0]);
  close(ready[1]);
}

}  // namespace
}  // namespace stretto
