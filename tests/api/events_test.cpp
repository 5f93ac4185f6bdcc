// Events of host streams through the C API.
#include <gtest/gtest.h>

#include <atomic>

#include "support/streams.hpp"
#include "support/threads.hpp"

namespace stretto {
namespace {

void set(void* flag) { static_cast<std::atomic<bool>*>(flag)->store(true); }

TEST(Events, WaitForAnEvent_OrdersTwoStreams) {
  TestStream first;
  TestStream second;
  TestEvent event;
  std::atomic<bool> before{false};
  static std::atomic<bool> seen;
  seen = false;
  StreamGate gate;
  gate.close(first);
  ASSERT_EQ(strettoStreamLaunchHostFunc(first, set, &before), strettoSuccess);
  ASSERT_EQ(strettoEventRecord(event, first), strettoSuccess);
  ASSERT_EQ(strettoStreamWaitEvent(second, event), strettoSuccess);
  const auto look = [](void* flag) { seen = static_cast<std::atomic<bool>*>(flag)->load(); };
  ASSERT_EQ(strettoStreamLaunchHostFunc(second, look, &before), strettoSuccess);
  EXPECT_EQ(strettoEventQuery(event), strettoInProgress);
  EXPECT_EQ(strettoStreamQuery(second), strettoInProgress);
  gate.open();
  EXPECT_EQ(strettoStreamSynchronize(second), strettoSuccess);
  EXPECT_TRUE(seen) << "the second stream went on before the event";
  EXPECT_EQ(strettoEventQuery(event), strettoSuccess);
  EXPECT_EQ(strettoEventSynchronize(event), strettoSuccess);
}

TEST(Events, NeverRecorded_IsNotWaitedFor) {
  TestStream stream;
  TestEvent event;
  EXPECT_EQ(strettoStreamWaitEvent(stream, event), strettoSuccess);
  EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
  EXPECT_EQ(strettoEventQuery(event), strettoSuccess);
  EXPECT_EQ(strettoEventSynchronize(event), strettoSuccess);
}

TEST(Events, RecordedAgain_EarlierWaitsKeepTheirs) {
  TestStream early;
  TestStream late;
  TestStream waiting;
  TestEvent event;
  StreamGate gate;
  gate.close(late);
  ASSERT_EQ(strettoEventRecord(event, early), strettoSuccess);
  ASSERT_EQ(strettoStreamWaitEvent(waiting, event), strettoSuccess);
  ASSERT_EQ(strettoEventRecord(event, late), strettoSuccess);
  EXPECT_EQ(strettoStreamSynchronize(waiting), strettoSuccess) << "it waits for the record in the early stream only";
  EXPECT_EQ(strettoEventQuery(event), strettoInProgress) << "which was replaced";
  gate.open();
  EXPECT_EQ(strettoEventSynchronize(event), strettoSuccess);
}

TEST(Events, DestroyedWhileWaitedFor_StillHolds) {
  TestStream first;
  TestStream second;
  std::atomic<bool> after{false};
  strettoEvent_t event = nullptr;
  ASSERT_EQ(strettoEventCreate(&event), strettoSuccess);
  StreamGate gate;
  gate.close(first);
  ASSERT_EQ(strettoEventRecord(event, first), strettoSuccess);
  ASSERT_EQ(strettoStreamWaitEvent(second, event), strettoSuccess);
  ASSERT_EQ(strettoStreamLaunchHostFunc(second, set, &after), strettoSuccess);
  EXPECT_EQ(strettoEventDestroy(event), strettoSuccess);
  EXPECT_EQ(strettoEventDestroy(event), strettoInvalidArgument);
  EXPECT_STREQ(error_of(nullptr).field, "event");
  EXPECT_FALSE(after);
  gate.open();
  EXPECT_EQ(strettoStreamSynchronize(second), strettoSuccess);
  EXPECT_TRUE(after);
}

TEST(Events, ElapsedTime_IsThatBetweenTheTwo) {
  TestStream stream;
  TestEvent start;
  TestEvent stop;
  float ms = -1.0F;
  EXPECT_EQ(strettoEventElapsedTime(&ms, start, stop), strettoInvalidUsage) << "never recorded";
  StreamGate gate;
  ASSERT_EQ(strettoEventRecord(start, stream), strettoSuccess);
  gate.close(stream);
  ASSERT_EQ(strettoEventRecord(stop, stream), strettoSuccess);
  EXPECT_EQ(strettoEventElapsedTime(&ms, start, stop), strettoInProgress);
  EXPECT_EQ(ms, -1.0F);
  gate.open();
  ASSERT_EQ(strettoEventSynchronize(stop), strettoSuccess);
  EXPECT_EQ(strettoEventElapsedTime(&ms, start, stop), strettoSuccess);
  EXPECT_GE(ms, 0.0F);
  EXPECT_EQ(strettoEventElapsedTime(nullptr, start, stop), strettoInvalidArgument);
}

// A chain over streams and both ranks: a sum in one stream, then, behind an event, another in a second.
TEST(Events, OperationsBehindAnEvent_SeeWhatWasBefore) {
  ThreadRanks first(2);
  ThreadRanks second(2);
  first.run([&](int rank, strettoComm_t comm) {
    TestStream streams[2];
    TestEvent event;
    std::int64_t value = rank + 1;
    for (int i = 0; i < 8; ++i) {
      strettoComm_t used = i % 2 == 0 ? comm : second.comm(rank);
      ASSERT_EQ(strettoAllReduce(&value, &value, 1, strettoInt64, strettoSum, used, streams[i % 2]), strettoSuccess);
      ASSERT_EQ(strettoEventRecord(event, streams[i % 2]), strettoSuccess);
      ASSERT_EQ(strettoStreamWaitEvent(streams[(i + 1) % 2], event), strettoSuccess);
    }
    for (const TestStream& stream : streams) EXPECT_EQ(strettoStreamSynchronize(stream), strettoSuccess);
    EXPECT_EQ(value, 3 << 7);
  });
}

}  // namespace
}  // namespace stretto
