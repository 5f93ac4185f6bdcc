// One rank's device communicator, as the C API sees it: operations are issued to CUDA streams, in one order, and run
// there. The twin of communicator.hpp, which runs operations on host memory.
//
// Order. Operations of a communicator run one after another, as they were issued: where the stream changes, the new one
// waits for the operation before. A capture is a world of its own: its operations go into a lane of the windows that
// nobody else uses, in the order of the calls. Captures begin in the same order on all ranks.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "comm/device_captures.hpp"
#include "comm/device_engine.hpp"
#include "comm/device_lanes.hpp"
#include "comm/device_watch.hpp"
#include "comm/lifecycle.hpp"
#include "comm/residency.hpp"
#include "comm/user_ops.hpp"

namespace stretto {

/// Calls of a device communicator that are launched as one: a collective, or all of a group's sends and receives.
struct DeviceWork {
  std::span<const Operation> batch;
  strettoStream_t stream = nullptr;         ///< in which it runs
  std::span<const strettoStream_t> others;  ///< that it runs after, and that go on after it
  // By check() and prepare():
  StreamFacts facts;
  Lane lane;
  std::shared_ptr<DeviceLaunch> bound;  ///< nullptr: it is pairs
  DevicePairs pairs;
};

class DeviceCommunicator final : public Lifecycle {
 public:
  DeviceCommunicator(std::shared_ptr<MembershipTask> task, Membership membership);
  /// Waits for what was issued, at most as long as its deadlines; says goodbye. Graphs may outlive it, though their
  /// replays will not come to an end once the others have gone, too: their memory is kept for them.
  ~DeviceCommunicator() override;
  DeviceCommunicator(const DeviceCommunicator&) = delete;
  DeviceCommunicator& operator=(const DeviceCommunicator&) = delete;

  Rank rank() const { return engine_->rank(); }
  int n_ranks() const { return engine_->n_ranks(); }
  const DeviceEngine& engine() const { return *engine_; }
  int device() const { return engine_->gpu().facts().ordinal; }
  UserOps& user_ops() { return user_ops_; }
  const Settings& agreed_settings() const override { return engine_->settings(); }
  const Topology& topology() const override { return engine_->topology(); }

  /// Issues one operation, whose arguments were checked against its row. The error: it was not issued.
  std::optional<ErrorInfo> issue(const Operation& operation, strettoStream_t stream);

  // The same in steps, for groups (device_group.hpp).
  /// The right to issue, until leave(). The error: there is none.
  std::optional<ErrorInfo> claim();
  /// Whether it could be launched, as far as its arguments tell. Changes nothing. Throws Error.
  void check(DeviceWork& work) const;
  /// After check(): makes all that a launch needs. Nobody waits for it yet. Throws Error.
  void prepare(DeviceWork& work);
  /// After prepare(). The error: it was not issued.
  std::optional<ErrorInfo> launch(DeviceWork& work);
  /// An error of check() or prepare(): what is a fault of the communicator becomes one.
  void note(const ErrorInfo& error);

  bool close() noexcept override { return !issuing_.exchange(true, std::memory_order_acquire); }
  void leave() noexcept override { issuing_.store(false, std::memory_order_release); }
  /// What was issued outside of captures; at most until the deadlines have passed.
  void drain() override { static_cast<void>(drained()); }
  std::uint64_t completed() const override { return operations_; }
  void abort() override;
  const ErrorInfo* fault() const override;

 private:
  void tell(ErrorInfo info);
  bool drained();
  void check_peers(std::span<const Operation> batch) const;
  void retire(LanesLeft left, bool has_drained);
  void launch_prepared(DeviceWork& work);
  std::vector<DeviceTransfer> transfers_of(std::span<const Operation> batch) const;
  std::vector<DeviceTransfer> transfers_of_all_to_all_v(const Operation& operation) const;
  Lane lane_of(strettoStream_t stream, const StreamFacts& facts);
  bool join(strettoStream_t stream, std::uint64_t id);
  void joined(strettoStream_t stream, std::uint64_t id);

  std::shared_ptr<MembershipTask> task_;
  std::unique_ptr<DeviceEngine> engine_;
  std::optional<ResidencyMember> residency_;
  std::shared_ptr<DeviceWatch> watch_;
  UserOps user_ops_;
  std::atomic<bool> issuing_{false};
  std::uint64_t operations_ = 0;
  // The order of streams, outside of captures:
  bool issued_ = false;
  std::uint64_t last_stream_ = 0;  ///< its id
  Gpu::Event event_ = nullptr;
  Gpu::Event fork_ = nullptr;  ///< between streams of one group
  bool many_streams_ = false;  ///< so each operation is followed by an event, for the next one to wait for
  // Captures:
  std::shared_ptr<DeviceLanes> lanes_;
  std::optional<DeviceCaptures> captures_;
  mutable FaultSlot heard_;
};

}  // namespace stretto
