// The calls between strettoGroupStart and strettoGroupEnd of one thread: kept, and issued together at the outermost
// end.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/fork.hpp"
#include "comm/device_group.hpp"
#include "comm/issue.hpp"

namespace stretto {

/// How many groups of this thread are open. Not of the initial-exec model, though every call asks: a library with such
/// variables cannot be opened by dlopen, since the CUDA runtime's own, which is beside them, takes more than what a
/// process has left for that.
extern constinit thread_local int open_groups;

class CallGroup {
 public:
  static CallGroup& of_thread();
  static bool is_open() noexcept { return open_groups > 0; }

  void start() noexcept {
    if (open_groups++ == 0) generation_ = process_generation();
  }
  /// Whether it was opened before this process was forked: what is in it is the parent's.
  bool is_of_parent() const noexcept { return generation_ != process_generation(); }
  /// Forgets all, and touches none of it.
  void forget() noexcept;
  /// `stream` null: this thread runs it, in end(). Throws Error, which spoils the group: one communicator both with and
  /// without a stream.
  void add(Communicator& communicator, std::shared_ptr<HostStream> stream, Operation operation);
  /// A call of a device communicator; its stream is CUDA's.
  void add(DeviceCommunicator& communicator, strettoStream_t stream, Operation operation);
  /// A call in the group was refused: nothing of it is issued, and its end returns the first such error.
  void spoil(const ErrorInfo& error);
  const std::optional<ErrorInfo>& spoiled() const { return spoiled_; }
  /// Ends the innermost group; true for the outermost. Throws Error if none is open.
  bool end();
  /// After the outermost end: the calls, which are forgotten here. Throws Error if the group is spoiled.
  std::vector<GroupShare> take();
  /// Those of device communicators, in the order of the calls; forgotten here. Before take(), which may throw.
  std::vector<DeviceCall> take_device_calls() { return std::exchange(device_calls_, {}); }
  /// The same for a group of nothing but one communicator's sends and receives, to be run in this thread: runs it here,
  /// at less cost. False: it is another kind of group; else `error` is what came of it.
  bool run_if_simple(std::optional<ErrorInfo>& error);

 private:
  std::uint32_t generation_ = 0;
  std::vector<GroupShare> shares_;
  std::vector<DeviceCall> device_calls_;
  std::optional<ErrorInfo> spoiled_;
};

}  // namespace stretto
