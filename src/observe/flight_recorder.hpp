// The last operations of one rank, always on: a ring that one thread writes, with no lock and no clock call on the
// way. What a rank was doing when it went wrong is read from here.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/op_tag.hpp"

namespace stretto {

/// A cheap clock for records: ticks of the processor's constant-rate counter.
std::uint64_t flight_ticks() noexcept;

enum class FlightState : std::uint8_t { empty, running, done, faulted };

const char* to_string(FlightState state) noexcept;

struct FlightRecord {
  std::uint64_t operation = 0;
  OpTag tag;
  std::uint64_t start_ticks = 0;
  FlightState state = FlightState::empty;
};

class FlightRecorder {
 public:
  static constexpr std::size_t kRecords = 128;

  /// `operation`: its number, whose meaning is the caller's.
  void begin(std::uint64_t operation, const OpTag& tag) noexcept {
    FlightRecord& record = records_[begun_++ % kRecords];
    record.operation = operation;
    record.tag = tag;
    record.start_ticks = flight_ticks();
    record.state = FlightState::running;
  }
  /// Of the one begun last.
  void end(FlightState state) noexcept {
    FlightRecord& record = records_[(begun_ - 1) % kRecords];
    record.state = state;
  }
  /// The records from the oldest to the newest. Call from the thread that writes.
  std::vector<FlightRecord> records() const;

 private:
  std::array<FlightRecord, kRecords> records_{};
  std::uint64_t begun_ = 0;
};

}  // namespace stretto
