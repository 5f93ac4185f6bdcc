// Times collectives of two GPUs, as programs see them: through the public interface, one after the other on a stream.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan/collective.hpp"
#include "planner/device_choice.hpp"

namespace stretto {

constexpr std::uint64_t kMostGpuBytes = 1 << 26;

struct GpuPairOptions {
  double seconds = 3;                        ///< about
  std::uint64_t most_bytes = kMostGpuBytes;  ///< of a block
};

struct GpuMeasurement {
  Collective collective = Collective::all_reduce;
  std::uint64_t block_bytes = 0;
  DeviceProtocol protocol = DeviceProtocol::packets;
  bool held_back = false;  ///< for predictions to be held against; the others are fitted
  double time_ps = 0;      ///< of an operation, median of batches, of the slower rank
};

struct GpuPairReport {
  std::string names;  ///< of both GPUs; "": there are not two
  std::vector<GpuMeasurement> measured;
  PairTimes times;
};

/// Measures the first two GPUs of this process and fits what their operations take; nothing where there are not two.
/// @param progress gets the part that is done, 0 to 1, every now and then
/// Forces each protocol in turn, by STRETTO_PROTOCOL, which is not set afterwards: for a process that does nothing
/// else. Throws Error with what communicators and CUDA say.
GpuPairReport measure_gpu_pair(const GpuPairOptions& options, const std::function<void(double)>& progress);

/// What is said of an operation by `times`, in picoseconds.
double predicted_ps(const GpuMeasurement& operation, const PairTimes& times);

}  // namespace stretto
