// Ids that are names, and waiting for set-up that does not block.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "stretto/stretto.h"

namespace stretto {
namespace {

/// Of no other run of this test on this host.
std::string own_name(const char* what) { return std::string(what) + " of " + std::to_string(getpid()); }

strettoUniqueId id_of(const std::string& name) {
  strettoUniqueId id{};
  EXPECT_EQ(strettoGetNamedId(name.c_str(), &id), strettoSuccess) << strettoGetLastError(nullptr);
  return id;
}

strettoConfig_t non_blocking(int setup_timeout_ms = 60'000) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.blocking = 0;
  config.setup_timeout_ms = setup_timeout_ms;
  return config;
}

void in_threads(int n, const std::function<void(int)>& body) {
  std::vector<std::thread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back(body, i);
  for (std::thread& thread : threads) thread.join();
}

TEST(NamedId, EachRankMakesIt_AndTheyMeetTimeAndAgain) {
  for (const int n : {1, 2, 5}) {
    const std::string name = own_name("meet");
    in_threads(n, [&](int rank) {
      for (int round = 0; round < 4; ++round) {
        strettoComm_t comm = nullptr;
        ASSERT_EQ(strettoCommInitRank(&comm, n, id_of(name), rank), strettoSuccess) << strettoGetLastError(nullptr);
        std::int64_t sum = rank + round;
        EXPECT_EQ(strettoAllReduce(&sum, &sum, 1, strettoInt64, strettoSum, comm, nullptr), strettoSuccess);
        EXPECT_EQ(sum, n * (n - 1) / 2 + n * round);
        EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
      }
    });
  }
}

TEST(NamedId, SameName_IsTheSameIdAndNoOther) {
  const strettoUniqueId id = id_of("a");
  const strettoUniqueId same = id_of("a");
  const strettoUniqueId other = id_of("b");
  EXPECT_EQ(std::memcmp(&id, &same, sizeof id), 0);
  EXPECT_NE(std::memcmp(&id, &other, sizeof id), 0);
}

TEST(NamedId, WrongArguments_AreRefused) {
  strettoUniqueId id{};
  EXPECT_EQ(strettoGetNamedId("a", nullptr), strettoInvalidArgument);
  EXPECT_EQ(strettoGetNamedId(nullptr, &id), strettoInvalidArgument);
  EXPECT_EQ(strettoGetNamedId("", &id), strettoInvalidArgument);
  EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "name"), nullptr) << strettoGetLastError(nullptr);
}

TEST(NamedId, RanksOfAnotherNumber_AreRefusedOnAll) {
  const std::string name = own_name("numbers");
  in_threads(2, [&](int rank) {
    strettoComm_t comm = nullptr;
    EXPECT_EQ(strettoCommInitRank(&comm, 2 + rank, id_of(name), rank), strettoInvalidUsage);
    EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "nranks"), nullptr) << strettoGetLastError(nullptr);
  });
}

TEST(NamedId, SecondStartMeanwhile_EndsTheFirst) {
  const strettoUniqueId id = id_of(own_name("again"));
  const strettoConfig_t config = non_blocking();
  strettoComm_t first = nullptr;
  strettoComm_t second[2] = {};
  ASSERT_EQ(strettoCommInitRankConfig(&first, 2, id, 0, &config), strettoInProgress);
  ASSERT_EQ(strettoCommInitRankConfig(&second[0], 2, id, 0, &config), strettoInProgress);
  EXPECT_EQ(strettoCommWait(first), strettoAborted);
  EXPECT_NE(std::strstr(strettoGetLastError(first), "has begun"), nullptr) << strettoGetLastError(first);
  ASSERT_EQ(strettoCommInitRankConfig(&second[1], 2, id, 1, &config), strettoInProgress);
  for (strettoComm_t const comm : second) {
    EXPECT_EQ(strettoCommWait(comm), strettoSuccess) << strettoGetLastError(comm);
  }
  EXPECT_EQ(strettoCommDestroy(first), strettoSuccess);
  in_threads(2, [&](int rank) { EXPECT_EQ(strettoCommDestroy(second[rank]), strettoSuccess); });
}

TEST(CommWait, UntilSetUpHasEnded_ReturnsWhatItCameTo) {
  strettoUniqueId id{};
  ASSERT_EQ(strettoGetUniqueId(&id), strettoSuccess);
  const strettoConfig_t config = non_blocking();
  strettoComm_t comms[2] = {};
  for (int rank = 0; rank < 2; ++rank) {
    ASSERT_EQ(strettoCommInitRankConfig(&comms[rank], 2, id, rank, &config), strettoInProgress);
  }
  for (strettoComm_t const comm : comms) {
    EXPECT_EQ(strettoCommWait(comm), strettoSuccess) << strettoGetLastError(comm);
    strettoResult_t state = strettoInProgress;
    EXPECT_EQ(strettoCommGetAsyncError(comm, &state), strettoSuccess);
    EXPECT_EQ(state, strettoSuccess);
    EXPECT_EQ(strettoCommWait(comm), strettoSuccess) << "again: at once";
  }
  in_threads(2, [&](int rank) { EXPECT_EQ(strettoCommDestroy(comms[rank]), strettoSuccess); });
  EXPECT_EQ(strettoCommWait(nullptr), strettoInvalidArgument);
}

TEST(CommWait, RankThatNeverComes_IsTheDeadlinesError) {
  strettoComm_t comm = nullptr;
  const strettoConfig_t config = non_blocking(300);
  ASSERT_EQ(strettoCommInitRankConfig(&comm, 2, id_of(own_name("alone")), 0, &config), strettoInProgress);
  EXPECT_EQ(strettoCommWait(comm), strettoTimeout);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(CommWait, AbortByAnotherThread_EndsIt) {
  strettoComm_t comm = nullptr;
  const strettoConfig_t config = non_blocking();
  ASSERT_EQ(strettoCommInitRankConfig(&comm, 2, id_of(own_name("abort")), 0, &config), strettoInProgress);
  std::thread other([&] { EXPECT_EQ(strettoCommAbort(comm), strettoSuccess); });
  EXPECT_EQ(strettoCommWait(comm), strettoAborted);
  other.join();
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

}  // namespace
}  // namespace stretto
