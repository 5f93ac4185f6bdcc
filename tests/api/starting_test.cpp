// Communicators over the application's own all-gather or key-value store: agreement, and what each rank hears when one
// cannot start.
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "stretto/stretto.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

using std::chrono::seconds;

/// An all-gather of threads. Each round takes one contribution of every rank.
class Gatherer {
 public:
  explicit Gatherer(int n) : blocks_(static_cast<std::size_t>(n)) {}

  int gather(int rank, const void* mine, void* all, std::size_t bytes) {
    std::unique_lock lock(mutex_);
    ++calls_;
    const auto* from = static_cast<const char*>(mine);
    blocks_[static_cast<std::size_t>(rank)].assign(from, from + bytes);
    ++arrived_;
    changed_.notify_all();
    if (!changed_.wait_for(lock, seconds(30), [&] { return arrived_ == blocks_.size(); })) return 99;
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      if (static_cast<int>(i) != lost_block) std::memcpy(static_cast<char*>(all) + i * bytes, blocks_[i].data(), bytes);
    }
    return rank == failing_rank ? 17 : 0;
  }
  int calls() const { return calls_; }

  int lost_block = -1;    ///< is not delivered
  int failing_rank = -1;  ///< is told that it failed

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<char>> blocks_;
  std::size_t arrived_ = 0;
  int calls_ = 0;
};

struct Seat {
  Gatherer* gatherer;
  int rank;
};

int gather(void* context, const void* mine, void* all, std::size_t bytes) {
  const auto* seat = static_cast<const Seat*>(context);
  return seat->gatherer->gather(seat->rank, mine, all, bytes);
}

struct Outcome {
  strettoResult_t result = strettoInternalError;
  strettoErrorInfo_t info = STRETTO_ERROR_INFO_INITIALIZER;
  strettoComm_t comm = nullptr;
};

/// Runs `start` once per rank, each in a thread.
std::vector<Outcome> start_all(int n, const std::function<strettoResult_t(int rank, strettoComm_t* comm)>& start) {
  std::vector<Outcome> outcomes(static_cast<std::size_t>(n));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < n; ++rank) {
    threads.emplace_back([&start, rank, &outcome = outcomes[static_cast<std::size_t>(rank)]] {
      outcome.result = start(rank, &outcome.comm);
      outcome.info = error_of(nullptr);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return outcomes;
}

void reduce_and_destroy(std::vector<Outcome>& outcomes) {
  const auto n = static_cast<int>(outcomes.size());
  std::vector<std::thread> threads;
  for (int rank = 0; rank < n; ++rank) {
    threads.emplace_back([rank, n, &outcome = outcomes[static_cast<std::size_t>(rank)]] {
      ASSERT_EQ(outcome.result, strettoSuccess) << rank << ": " << outcome.info.text;
      int found = -1;
      EXPECT_EQ(strettoCommUserRank(outcome.comm, &found), strettoSuccess);
      EXPECT_EQ(found, rank);
      const std::int64_t in = 1 << rank;
      std::int64_t out = -1;
      EXPECT_EQ(strettoAllReduce(&in, &out, 1, strettoInt64, strettoSum, outcome.comm, nullptr), strettoSuccess);
      EXPECT_EQ(out, (1 << n) - 1);
      EXPECT_EQ(strettoCommDestroy(outcome.comm), strettoSuccess);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

std::vector<Outcome> start_by_callback(int n, Gatherer& gatherer, const std::function<int(int)>& n_ranks_of,
                                       const std::function<int(int)>& rank_of,
                                       const strettoConfig_t* config_of_2 = nullptr) {
  return start_all(n, [&](int place, strettoComm_t* comm) {
    Seat seat{&gatherer, place};
    return strettoCommInitCallback(comm, n_ranks_of(place), rank_of(place), gather, &seat,
                                   place == 2 ? config_of_2 : nullptr);
  });
}

int same(int value) { return value; }

TEST(InitCallback, AllRanks_StartAndReduce) {
  Gatherer gatherer(3);
  auto outcomes = start_by_callback(
      3, gatherer, [](int) { return 3; }, same);
  reduce_and_destroy(outcomes);
  EXPECT_EQ(gatherer.calls(), 3) << "once per rank";
}

TEST(InitCallback, OneRank_NeedsNoAllGather) {
  strettoComm_t comm = nullptr;
  const auto never = [](void*, const void*, void*, std::size_t) { return 1; };
  ASSERT_EQ(strettoCommInitCallback(&comm, 1, 0, never, nullptr, nullptr), strettoSuccess)
      << strettoGetLastError(nullptr);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(InitCallback, Arguments_AreRefusedByName) {
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitCallback(&comm, 2, 0, nullptr, nullptr, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "all_gather");
  EXPECT_EQ(strettoCommInitCallback(&comm, 0, 0, gather, nullptr, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "nranks");
  EXPECT_EQ(strettoCommInitCallback(nullptr, 1, 0, gather, nullptr, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "comm");
  EXPECT_STREQ(error_of(nullptr).name, "strettoCommInitCallback");
}

void expect_all(const std::vector<Outcome>& outcomes, strettoResult_t code, const char* field) {
  for (std::size_t rank = 0; rank < outcomes.size(); ++rank) {
    EXPECT_EQ(outcomes[rank].result, code) << rank << ": " << outcomes[rank].info.text;
    EXPECT_STREQ(outcomes[rank].info.field, field) << rank << ": " << outcomes[rank].info.text;
    EXPECT_EQ(outcomes[rank].comm, nullptr);
  }
}

TEST(InitCallback, DifferentNumbersOfRanks_NameTheFieldAndBothSides) {
  // What the all-gather gives is as wide as each rank thinks: here it always has room for three.
  Gatherer gatherer(3);
  const auto outcomes = start_by_callback(
      3, gatherer, [](int place) { return place == 1 ? 4 : 3; }, same);
  expect_all(outcomes, strettoInvalidUsage, "nranks");
  EXPECT_EQ(outcomes[0].info.peer, 1);
  EXPECT_EQ(outcomes[1].info.peer, 0);
  for (const Outcome& outcome : outcomes) {
    EXPECT_NE(std::strstr(outcome.info.text, "one of 3"), nullptr) << outcome.info.text;
    EXPECT_NE(std::strstr(outcome.info.text, "one of 4"), nullptr) << outcome.info.text;
  }
}

TEST(InitCallback, RankInTheWrongPlace_IsNamed) {
  Gatherer gatherer(3);
  const auto outcomes = start_by_callback(
      3, gatherer, [](int) { return 3; }, [](int place) { return 2 - place; });
  expect_all(outcomes, strettoInvalidUsage, "rank");
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.info.peer, 0);
    EXPECT_NE(std::strstr(outcome.info.text, "calls itself rank 2"), nullptr) << outcome.info.text;
  }
}

TEST(InitCallback, CallbackThatFails_GivesItsNumber) {
  Gatherer gatherer(2);
  gatherer.failing_rank = 0;
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.setup_timeout_ms = 300;
  const auto outcomes = start_all(2, [&](int rank, strettoComm_t* comm) {
    Seat seat{&gatherer, rank};
    return strettoCommInitCallback(comm, 2, rank, gather, &seat, &config);
  });
  EXPECT_EQ(outcomes[0].result, strettoSystemError);
  EXPECT_STREQ(outcomes[0].info.field, "all_gather");
  EXPECT_NE(std::strstr(outcomes[0].info.text, "17"), nullptr) << outcomes[0].info.text;
  const strettoResult_t other = outcomes[1].result;  // rank 0's listener goes before it comes, or while it waits
  EXPECT_TRUE(other == strettoTimeout || other == strettoRemoteError) << outcomes[1].info.text;
  EXPECT_EQ(outcomes[1].info.peer, 0) << outcomes[1].info.text;
}

TEST(InitCallback, BytesThatDoNotArrive_AreNoticed) {
  Gatherer gatherer(3);
  gatherer.lost_block = 1;
  const auto outcomes = start_by_callback(
      3, gatherer, [](int) { return 3; }, same);
  expect_all(outcomes, strettoInvalidUsage, "all_gather");
  EXPECT_EQ(outcomes[0].info.peer, 1);
}

TEST(InitCallback, RankWithABadConfig_IsHeardOfByAll) {
  Gatherer gatherer(3);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = "rings";
  const auto outcomes = start_by_callback(
      3, gatherer, [](int) { return 3; }, same, &config);
  for (int rank = 0; rank < 3; ++rank) {
    const Outcome& outcome = outcomes[static_cast<std::size_t>(rank)];
    EXPECT_EQ(outcome.result, rank == 2 ? strettoInvalidArgument : strettoRemoteError);
    EXPECT_STREQ(outcome.info.field, "algorithm") << outcome.info.text;
    EXPECT_EQ(outcome.info.peer, rank == 2 ? -1 : 2);
    EXPECT_NE(std::strstr(outcome.info.text, "two_shot"), nullptr) << outcome.info.text;
  }
}

TEST(InitCallback, RootThatCannotListen_IsHeardOfByAll) {
  setenv("STRETTO_BOOTSTRAP_ADDRESS", "192.0.2.1", 1);  // an address of no host
  Gatherer gatherer(3);
  const auto outcomes = start_by_callback(
      3, gatherer, [](int) { return 3; }, same);
  unsetenv("STRETTO_BOOTSTRAP_ADDRESS");
  EXPECT_EQ(outcomes[0].result, strettoSystemError) << outcomes[0].info.text;
  for (std::size_t rank = 1; rank < 3; ++rank) {
    EXPECT_EQ(outcomes[rank].result, strettoRemoteError);
    EXPECT_EQ(outcomes[rank].info.peer, 0);
    EXPECT_NE(std::strstr(outcomes[rank].info.text, "192.0.2.1"), nullptr) << outcomes[rank].info.text;
  }
}

/// A store of threads.
class Store {
 public:
  int put(const char* key, const void* value, std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    if (put_code != 0) return put_code;
    values_[key].assign(static_cast<const char*>(value), static_cast<const char*>(value) + bytes);
    changed_.notify_all();
    return 0;
  }
  int get(const char* key, void* value, std::size_t bytes, int timeout_ms) {
    std::unique_lock lock(mutex_);
    if (get_code != 0) return get_code;
    const std::chrono::milliseconds limit(timeout_ms);
    if (!changed_.wait_for(lock, limit, [&] { return values_.count(key) == 1; })) return STRETTO_STORE_TIMEOUT;
    if (values_[key].size() != bytes) return 2;
    std::memcpy(value, values_[key].data(), bytes);
    return 0;
  }
  std::size_t keys() const { return values_.size(); }

  int put_code = 0;
  int get_code = 0;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::vector<char>> values_;
};

strettoKeyValueStore_t plain(Store& store) {
  strettoKeyValueStore_t result = STRETTO_KEY_VALUE_STORE_INITIALIZER;
  result.context = &store;
  result.put = [](void* context, const char* key, const void* value, std::size_t bytes) {
    return static_cast<Store*>(context)->put(key, value, bytes);
  };
  result.get = [](void* context, const char* key, void* value, std::size_t bytes, int timeout_ms) {
    return static_cast<Store*>(context)->get(key, value, bytes, timeout_ms);
  };
  return result;
}

TEST(InitKeyValue, TwoCommunicatorsOfOneStore_StartAndReduce) {
  Store store;
  const strettoKeyValueStore_t plain_store = plain(store);
  for (const char* name : {"first", "job-7.second_A"}) {
    auto outcomes = start_all(3, [&](int rank, strettoComm_t* comm) {
      return strettoCommInitKeyValue(comm, 3, rank, &plain_store, name, nullptr);
    });
    reduce_and_destroy(outcomes);
  }
  EXPECT_EQ(store.keys(), 2U);
}

TEST(InitKeyValue, OneRank_NeedsNoStore) {
  Store store;
  const strettoKeyValueStore_t plain_store = plain(store);
  strettoComm_t comm = nullptr;
  ASSERT_EQ(strettoCommInitKeyValue(&comm, 1, 0, &plain_store, "alone", nullptr), strettoSuccess);
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
  EXPECT_EQ(store.keys(), 0U);
}

TEST(InitKeyValue, Arguments_AreRefusedByName) {
  Store store;
  strettoKeyValueStore_t good = plain(store);
  strettoKeyValueStore_t bad = good;
  strettoComm_t comm = nullptr;
  const auto field = [&](const strettoKeyValueStore_t* given, const char* name) {
    EXPECT_EQ(strettoCommInitKeyValue(&comm, 2, 0, given, name, nullptr), strettoInvalidArgument);
    return std::string(error_of(nullptr).field);
  };
  EXPECT_EQ(field(nullptr, "a"), "store");
  EXPECT_EQ(field(&good, nullptr), "name");
  EXPECT_EQ(field(&good, ""), "name");
  EXPECT_EQ(field(&good, "a b"), "name");
  EXPECT_EQ(field(&good, std::string(65, 'a').c_str()), "name");
  bad.put = nullptr;
  EXPECT_EQ(field(&bad, "a"), "put");
  bad = good;
  bad.get = nullptr;
  EXPECT_EQ(field(&bad, "a"), "get");
  bad.size = 8;
  EXPECT_EQ(field(&bad, "a"), "size");
  EXPECT_EQ(comm, nullptr);
}

TEST(InitKeyValue, RootThatDoesNotCome_IsNamedByTheDeadline) {
  Store store;
  const strettoKeyValueStore_t plain_store = plain(store);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.setup_timeout_ms = 50;
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitKeyValue(&comm, 2, 1, &plain_store, "late", &config), strettoTimeout);
  EXPECT_EQ(error_of(nullptr).peer, 0);
  EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "late"), nullptr) << strettoGetLastError(nullptr);
}

TEST(InitKeyValue, StoreThatFails_GivesItsNumber) {
  Store store;
  store.put_code = 41;
  store.get_code = 42;
  const strettoKeyValueStore_t plain_store = plain(store);
  strettoComm_t comm = nullptr;
  EXPECT_EQ(strettoCommInitKeyValue(&comm, 2, 0, &plain_store, "a", nullptr), strettoSystemError);
  EXPECT_STREQ(error_of(nullptr).field, "put");
  EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "41"), nullptr);
  EXPECT_EQ(strettoCommInitKeyValue(&comm, 2, 1, &plain_store, "a", nullptr), strettoSystemError);
  EXPECT_STREQ(error_of(nullptr).field, "get");
  EXPECT_NE(std::strstr(strettoGetLastError(nullptr), "42"), nullptr);
}

TEST(InitKeyValue, RootWithABadConfig_IsHeardOfByAll) {
  Store store;
  const strettoKeyValueStore_t plain_store = plain(store);
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.algorithm = "rings";
  const auto outcomes = start_all(2, [&](int rank, strettoComm_t* comm) {
    return strettoCommInitKeyValue(comm, 2, rank, &plain_store, "bad", rank == 0 ? &config : nullptr);
  });
  EXPECT_EQ(outcomes[0].result, strettoInvalidArgument);
  EXPECT_EQ(outcomes[1].result, strettoRemoteError);
  EXPECT_STREQ(outcomes[1].info.field, "algorithm");
  EXPECT_EQ(outcomes[1].info.peer, 0);
}

TEST(Wrapper, AllGatherAndStore_StartCommunicators) {
  Gatherer gatherer(2);
  Store store;
  std::vector<std::thread> threads;
  for (int rank = 0; rank < 2; ++rank) {
    threads.emplace_back([&, rank] {
      const Communicator first = Communicator::over_all_gather(
          2, rank,
          [&](const void* mine, void* all, std::size_t bytes) { return gatherer.gather(rank, mine, all, bytes); });
      EXPECT_EQ(first.rank(), rank);
      const Communicator second = Communicator::over_store(2, rank, store, "wrapped");
      EXPECT_EQ(second.size(), 2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto throws = [](const void*, void*, std::size_t) -> int { throw 5; };
  EXPECT_THROW(Communicator::over_all_gather(2, 0, throws), int);
}

}  // namespace
}  // namespace stretto
