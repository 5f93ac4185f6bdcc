// Host streams through the C API: what is ordered with what, and what is reported where.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <random>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

/// value = sum over ranks of value, in place.
strettoResult_t sum(std::int64_t& value, strettoComm_t comm, strettoStream_t stream) {
  return strettoAllReduce(&value, &value, 1, strettoInt64, strettoSum, comm, stream);
}

strettoResult_t async_error(strettoComm_t comm) {
  strettoResult_t fault = strettoInternalError;
  EXPECT_EQ(strettoCommGetAsyncError(comm, &fault), strettoSuccess);
  return fault;
}

TEST(Streams, OneThread_DrivesTwoRanksOnTwoStreams) {
  ThreadRanks ranks(2);
  TestStream streams[2];
  std::int64_t values[2] = {20, 3};
  for (int rank = 0; rank < 2; ++rank) ASSERT_EQ(sum(values[rank], ranks.comm(rank), streams[rank]), strettoSuccess);
  for (const TestStream& stream : streams) EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  EXPECT_EQ(values[0], 23);
  EXPECT_EQ(values[1], 23);
}

TEST(Streams, Query_SaysWhetherAllHasEnded) {
  TestStream stream;
  StreamGate gate;
  EXPECT_EQ(strettoStreamQuery(stream), strettoSuccess) << "nothing was issued";
  gate.close(stream);
  EXPECT_EQ(strettoStreamQuery(stream), strettoInProgress);
  gate.open();
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  EXPECT_EQ(strettoStreamQuery(stream), strettoSuccess);
}

TEST(Streams, HostFunctions_RunInOrderInOneThread) {
  TestStream stream;
  struct Order {
    std::vector<int> seen;
    std::vector<std::thread::id> threads;
  } order;
  struct Item {
    Order* order;
    int number;
  };
  std::vector<Item> items;
  for (int i = 0; i < 100; ++i) items.push_back({&order, i});
  for (Item& item : items) {
    const auto note = [](void* context) {
      const Item& me = *static_cast<Item*>(context);
      me.order->seen.push_back(me.number);
      me.order->threads.push_back(std::this_thread::get_id());
    };
    ASSERT_EQ(strettoStreamLaunchHostFunc(stream, note, &item), strettoSuccess);
  }
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  ASSERT_EQ(order.seen.size(), items.size());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(order.seen[static_cast<std::size_t>(i)], i);
  EXPECT_EQ(std::count(order.threads.begin(), order.threads.end(), order.threads.front()), 100);
  EXPECT_NE(order.threads.front(), std::this_thread::get_id());
}

// Each operation works on what the one before has left, so that any other order gives another value.
TEST(Streams, OperationsOfOneCommunicator_RunInIssueOrderOverAllStreams) {
  constexpr int kOperations = 60;
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    TestStream streams[3];
    std::mt19937 random(static_cast<unsigned>(77 + rank));  // streams are a rank's own affair
    std::int64_t values[2] = {rank + 1, 0};
    StreamGate gate;
    gate.close(streams[0]);
    for (int i = 0; i < kOperations; ++i) {
      const strettoStream_t stream = i == 0 ? streams[0] : streams[random() % 3];
      if (i == kOperations / 2) gate.open();
      if (i > kOperations / 2 && random() % 4 == 0) {
        ASSERT_EQ(strettoAllReduce(&values[i % 2], &values[(i + 1) % 2], 1, strettoInt64,
                                   i % 3 == 0 ? strettoSum : strettoMax, comm, nullptr),
                  strettoSuccess);
      } else {
        ASSERT_EQ(strettoAllReduce(&values[i % 2], &values[(i + 1) % 2], 1, strettoInt64,
                                   i % 3 == 0 ? strettoSum : strettoMax, comm, stream),
                  strettoSuccess);
      }
    }
    for (const TestStream& stream : streams) EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
    std::int64_t expected = 3;
    for (int i = 1; i < kOperations; ++i) expected *= i % 3 == 0 ? 2 : 1;
    EXPECT_EQ(values[0], expected) << "rank " << rank;
  });
}

TEST(Streams, CallingThread_WaitsForWhatWasIssuedBefore) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    TestStream stream;
    std::int64_t value = 1;
    StreamGate gate;
    gate.close(stream);
    ASSERT_EQ(sum(value, comm, stream), strettoSuccess);
    std::thread opener([&] { gate.open(); });
    EXPECT_EQ(sum(value, comm, nullptr), strettoSuccess);
    EXPECT_EQ(value, 4) << "rank " << rank;
    opener.join();
  });
}

// Rank 0 has the first communicator on its first stream, rank 1 on its second, and each stream waits for its own only.
TEST(Streams, TwoCommunicatorsOnCrossingStreams_DoNotWaitForEachOther) {
  ThreadRanks first(2);
  ThreadRanks second(2);
  first.run([&](int rank, strettoComm_t comm) {
    TestStream streams[2];
    strettoComm_t other = second.comm(rank);
    std::int64_t a = 1;
    std::int64_t b = 1;
    for (int i = 0; i < 20; ++i) {
      const bool crossed = (i + rank) % 2 == 0;
      // Even the order of the calls may differ between the ranks, since the streams do.
      if (crossed) {
        ASSERT_EQ(sum(b, other, streams[0]), strettoSuccess);
      }
      ASSERT_EQ(sum(a, comm, streams[1]), strettoSuccess);
      if (!crossed) {
        ASSERT_EQ(sum(b, other, streams[0]), strettoSuccess);
      }
    }
    for (const TestStream& stream : streams) EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
    EXPECT_EQ(a, 1 << 20);
    EXPECT_EQ(b, 1 << 20);
  });
}

TEST(Streams, Deadline_IsTheStreamsErrorOnceAndTheCommunicatorsFault) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 50;
  strettoComm_t comms[2] = {};
  ASSERT_EQ(strettoCommInitAllConfig(comms, 2, nullptr, &config), strettoSuccess);
  {
    TestStream stream;
    ThreadRanks others(1);
    std::int64_t value = 1;
    std::int64_t alone = 5;
    ASSERT_EQ(sum(value, comms[0], stream), strettoSuccess);
    ASSERT_EQ(sum(alone, others.comm(0), stream), strettoSuccess);
    EXPECT_EQ(strettoStreamSynchronize(stream), strettoTimeout);
    EXPECT_EQ(error_of(nullptr).peer, 1) << strettoGetLastError(nullptr);
    EXPECT_STREQ(error_of(nullptr).name, "all_reduce");
    EXPECT_EQ(alone, 5) << "another communicator's operation in the stream goes on";
    EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess) << "an error is returned once";
    EXPECT_EQ(async_error(comms[0]), strettoTimeout);
    EXPECT_EQ(async_error(others.comm(0)), strettoSuccess);
    EXPECT_EQ(sum(value, comms[0], stream), strettoTimeout) << "a faulted communicator refuses at once";
  }
  for (strettoComm_t comm : comms) EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(Streams, RanksThatDisagree_AreToldByTheStream) {
  ThreadRanks ranks(2);
  ranks.run([&](int rank, strettoComm_t comm) {
    TestStream stream;
    std::int64_t values[3] = {};
    const std::size_t count = rank == 0 ? 2 : 3;
    ASSERT_EQ(strettoAllReduce(values, values, count, strettoInt64, strettoSum, comm, stream), strettoSuccess);
    // A rank whose own part of the first was done hears of it in the second, or, if that is late, in its call.
    const strettoResult_t second = strettoAllReduce(values, values, count, strettoInt64, strettoSum, comm, stream);
    const strettoResult_t in_stream = strettoStreamSynchronize(stream);
    EXPECT_EQ(in_stream != strettoSuccess ? in_stream : second, strettoInvalidUsage);
    EXPECT_STREQ(error_of(comm).field, "count") << strettoGetLastError(comm);
    EXPECT_EQ(async_error(comm), strettoInvalidUsage);
  });
}

TEST(Streams, AbortWhileQueued_EndsAllThatWaits) {
  ThreadRanks ranks(2);
  TestStream stream;
  std::int64_t queued = 1;
  std::int64_t waiting = 1;
  StreamGate gate;
  gate.close(stream);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sum(queued, ranks.comm(0), stream), strettoSuccess);
  std::atomic<bool> called{false};
  std::thread behind([&] {
    called = true;
    EXPECT_EQ(sum(waiting, ranks.comm(0), nullptr), strettoAborted) << "though the gate is closed";
  });
  while (!called) std::this_thread::yield();
  EXPECT_EQ(strettoCommAbort(ranks.comm(0)), strettoSuccess);
  behind.join();
  EXPECT_EQ(sum(queued, ranks.comm(0), stream), strettoAborted);
  EXPECT_EQ(strettoStreamQuery(stream), strettoInProgress);
  gate.open();
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoAborted);
  EXPECT_EQ(queued, 1);
}

TEST(Streams, TurnThatDoesNotCome_IsATimeout) {
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  config.data_timeout_ms = 50;
  strettoComm_t comm = nullptr;
  ASSERT_EQ(strettoCommInitAllConfig(&comm, 1, nullptr, &config), strettoSuccess);
  {
    TestStream stream;
    std::int64_t value = 1;
    StreamGate gate;
    gate.close(stream);
    ASSERT_EQ(sum(value, comm, stream), strettoSuccess);
    EXPECT_EQ(sum(value, comm, nullptr), strettoTimeout);
    EXPECT_STREQ(error_of(nullptr).field, "stream") << strettoGetLastError(nullptr);
    gate.open();
    EXPECT_EQ(strettoStreamSynchronize(stream), strettoTimeout);
  }
  EXPECT_EQ(strettoCommDestroy(comm), strettoSuccess);
}

TEST(Streams, DestroyedWithPendingWork_CompleteIt) {
  ThreadRanks ranks(2);
  std::int64_t values[2] = {1, 1};
  ranks.run([&](int rank, strettoComm_t comm) {
    strettoStream_t stream = nullptr;
    ASSERT_EQ(strettoStreamCreate(&stream), strettoSuccess);
    for (int i = 0; i < 10; ++i) ASSERT_EQ(sum(values[rank], comm, stream), strettoSuccess);
    if (rank == 0) ranks.destroy(0);  // the communicator first, then the stream; or the other way round
    EXPECT_EQ(strettoStreamDestroy(stream), strettoSuccess);
    if (rank == 1) ranks.destroy(1);
    EXPECT_EQ(values[rank], 1 << 10);
  });
}

TEST(Streams, HandlesThatAreNone_AreRefused) {
  int nothing = 0;
  strettoStream_t none = reinterpret_cast<strettoStream_t>(&nothing);
  strettoStream_t gone = nullptr;
  ASSERT_EQ(strettoStreamCreate(&gone), strettoSuccess);
  ASSERT_EQ(strettoStreamDestroy(gone), strettoSuccess);
  TestEvent event;
  for (strettoStream_t stream : {none, gone}) {
    const strettoResult_t results[] = {strettoStreamSynchronize(stream),
                                       strettoStreamQuery(stream),
                                       strettoStreamWaitEvent(stream, event),
                                       strettoEventRecord(event, stream),
                                       strettoStreamLaunchHostFunc(
                                           stream, [](void*) {}, nullptr),
                                       strettoStreamDestroy(stream)};
    for (const strettoResult_t result : results) EXPECT_EQ(result, strettoInvalidArgument);
    EXPECT_STREQ(error_of(nullptr).field, "stream");
  }
  EXPECT_EQ(strettoStreamSynchronize(nullptr), strettoInvalidArgument);
  EXPECT_EQ(strettoStreamDestroy(nullptr), strettoSuccess);
  EXPECT_EQ(strettoStreamCreate(nullptr), strettoInvalidArgument);
  TestStream stream;
  EXPECT_EQ(strettoStreamLaunchHostFunc(stream, nullptr, nullptr), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "fn");
}

TEST(Streams, HostFunctionThatWaits_IsRefused) {
  static std::atomic<int> refused;
  refused = 0;
  static strettoStream_t own;
  static strettoComm_t comm;
  ThreadRanks ranks(1);
  comm = ranks.comm(0);
  TestStream stream;
  own = stream;
  const auto function = [](void*) {
    refused += strettoStreamSynchronize(own) == strettoInvalidUsage;
    refused += strettoStreamDestroy(own) == strettoInvalidUsage;
    refused += strettoCommDestroy(comm) == strettoInvalidUsage;
  };
  ASSERT_EQ(strettoStreamLaunchHostFunc(stream, function, nullptr), strettoSuccess);
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  EXPECT_EQ(refused, 3);
}

}  // namespace
}  // namespace stretto
