// The calls of a group that are device communicators': all that this rank can check of them is checked before the first
// is launched, since what was launched waits for the other ranks' parts of the group.
#pragma once

#include <optional>
#include <vector>

#include "comm/device_communicator.hpp"

namespace stretto {

/// Calls of a device communicator that are issued as one: a collective, or all of a group's sends and receives.
struct DeviceCall {
  DeviceCommunicator* communicator = nullptr;
  strettoStream_t stream = nullptr;     ///< in which it runs
  std::vector<strettoStream_t> others;  ///< that it runs after, and that go on after it
  Batch batch;
};

/// Holds the communicators, from construction on.
class DeviceGroup {
 public:
  /// Throws Error, and nothing of the group may be issued then: an argument that cannot be served, or another thread
  /// uses one of the communicators. A communicator that has a fault is no such error: its calls are left out.
  explicit DeviceGroup(std::vector<DeviceCall> calls);
  ~DeviceGroup();
  DeviceGroup(const DeviceGroup&) = delete;
  DeviceGroup& operator=(const DeviceGroup&) = delete;

  /// Once, in the order of the calls. The first error; what could be launched was.
  std::optional<ErrorInfo> launch();

 private:
  void claim();
  void check_and_prepare();
  void leave() noexcept;

  std::vector<DeviceCall> calls_;
  std::vector<DeviceCommunicator*> claimed_;
  std::vector<DeviceWork> work_;  ///< by call
  std::optional<ErrorInfo> fault_;
};

}  // namespace stretto
