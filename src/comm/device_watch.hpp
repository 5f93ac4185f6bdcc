// The service thread's look at a device communicator: tells its kernels of a fault, and all ranks of a kernel that gave
// up. Kernels cannot call anybody, so it looks now and then.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/op_tag.hpp"
#include "comm/device_engine.hpp"
#include "comm/membership_task.hpp"

namespace stretto {

/// What was issued last, for whoever has to say in which operation a kernel gave up.
class DeviceHistory {
 public:
  void add(std::uint64_t operation, Collective collective);
  /// Its name; empty if that was too long ago.
  std::string_view name_of(std::uint64_t operation) const;

 private:
  static constexpr std::size_t kKept = 1024;
  mutable std::mutex mutex_;
  std::vector<std::pair<std::uint64_t, Collective>> kept_;
};

class DeviceWatch : public ServiceTask {
 public:
  DeviceWatch(std::shared_ptr<MembershipTask> task, Rank rank, const Topology& topology, DeviceMailbox& mailbox,
              std::shared_ptr<const ResidencyChain> chain);

  void poll() override;
  bool finished() const override { return ended_.load(std::memory_order_acquire); }
  void watch(WaitSet&) override {}
  std::int64_t next_deadline_ns() override;

  /// The mailbox is not looked at any more. With the service's lock held.
  void end() { ended_.store(true, std::memory_order_release); }

  DeviceHistory& history() { return history_; }
  /// The first fault in this rank's words, with the operation and step in which its kernel stood; nullptr: none yet.
  const ErrorInfo* reported() const { return reported_.get(); }

 private:
  void tell_kernels();
  void read_reports();
  ErrorInfo words_of(const device::KernelReport& report) const;
  bool asks_what_they_called(const device::KernelReport& report);

  std::shared_ptr<MembershipTask> task_;
  Rank rank_;
  const Topology& topology_;
  DeviceMailbox& mailbox_;
  std::shared_ptr<const ResidencyChain> chain_;
  DeviceHistory history_;
  FaultSlot reported_;
  std::int64_t answer_deadline_ns_ = 0;  ///< 0: no question was put
  std::atomic<bool> ended_{false};
};

}  // namespace stretto
