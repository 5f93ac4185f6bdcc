#include "observe/flight_recorder.hpp"

#if defined(__x86_64__)
#include <x86intrin.h>
#else
#include <chrono>
#endif

#include <algorithm>

namespace stretto {

std::uint64_t flight_ticks() noexcept {
#if defined(__x86_64__)
  return __rdtsc();
#else
  return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

const char* to_string(FlightState state) noexcept {
  switch (state) {
    case FlightState::empty:
      return "empty";
    case FlightState::running:
      return "running";
    case FlightState::done:
      return "done";
    case FlightState::faulted:
      return "faulted";
  }
  return "invalid";
}

std::vector<FlightRecord> FlightRecorder::records() const {
  std::vector<FlightRecord> result;
  for (std::uint64_t i = begun_ - std::min<std::uint64_t>(begun_, kRecords); i < begun_; ++i) {
    result.push_back(records_[i % kRecords]);
  }
  return result;
}

}  // namespace stretto
