// The captures of a device communicator, as the issuing thread knows them: which lane each has, and the order of its
// operations where it spans several streams.
#pragma once

#include <map>
#include <memory>
#include <optional>

#include "comm/device_lanes.hpp"
#include "device/gpu.hpp"

namespace stretto {

class DeviceCaptures {
 public:
  DeviceCaptures(std::shared_ptr<DeviceLanes> lanes, std::shared_ptr<Gpu> gpu, std::int64_t timeout_ns)
      : lanes_(std::move(lanes)), gpu_(std::move(gpu)), timeout_ns_(timeout_ns) {}
  ~DeviceCaptures();
  DeviceCaptures(const DeviceCaptures&) = delete;
  DeviceCaptures& operator=(const DeviceCaptures&) = delete;

  struct Joined {
    Lane lane;
    bool is_new = false;  ///< the capture's first operation: whoever had the lane before is gone
  };
  /// The lane of the capture that the stream takes part in. Throws Error, and for the capture's later operations the
  /// same.
  Joined lane_of(strettoStream_t stream, std::uint64_t capture_id);
  /// Before a launch: what is issued to the stream comes after the capture's operations so far. Throws Error.
  void follow(strettoStream_t stream, std::uint64_t capture_id);
  /// After it.
  void launched(strettoStream_t stream, std::uint64_t capture_id);

 private:
  struct Capture {
    Lane lane;
    GraphGone gone;
    std::optional<ErrorInfo> refused;
    Gpu::Event event = nullptr;  ///< after the last operation
    strettoStream_t last = nullptr;
    bool has_operation = false;
  };

  Capture& begin(strettoStream_t stream, std::uint64_t capture_id);
  void forget_the_gone();

  const std::shared_ptr<DeviceLanes> lanes_;
  const std::shared_ptr<Gpu> gpu_;
  const std::int64_t timeout_ns_;
  std::map<std::uint64_t, Capture> captures_;  ///< by the id that CUDA gives them, which means nothing to other ranks
};

}  // namespace stretto
