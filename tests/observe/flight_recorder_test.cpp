#include "observe/flight_recorder.hpp"

#include <gtest/gtest.h>

namespace stretto {
namespace {

TEST(FlightRecorder, MoreOperationsThanItHolds_KeepsTheLast) {
  FlightRecorder recorder;
  const std::uint64_t total = 3 * FlightRecorder::kRecords + 5;
  for (std::uint64_t operation = 0; operation < total; ++operation) {
    OpTag tag;
    tag.count = operation * 10;
    recorder.begin(operation, tag);
    if (operation + 1 < total) recorder.end(FlightState::done);
  }
  const std::vector<FlightRecord> records = recorder.records();
  ASSERT_EQ(records.size(), FlightRecorder::kRecords);
  for (std::size_t i = 0; i < records.size(); ++i) {
    EXPECT_EQ(records[i].operation, total - FlightRecorder::kRecords + i);
    EXPECT_EQ(records[i].tag.count, records[i].operation * 10);
  }
  EXPECT_EQ(records.back().state, FlightState::running);
  EXPECT_EQ(records.front().state, FlightState::done);
  EXPECT_LE(records.front().start_ticks, records.back().start_ticks);
}

}  // namespace
}  // namespace stretto
