// The service thread's share of one communicator: its set-up, its control plane while it lives, its goodbye.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "comm/fault_slot.hpp"
#include "comm/service.hpp"
#include "comm/setup.hpp"

namespace stretto {

class MembershipTask : public ServiceTask {
 public:
  MembershipTask(System& system, const strettoUniqueId& id, Rank rank, int n_ranks, const Settings& settings);

  // Called with the service's lock held (Service::run, Service::wait_until):
  bool setup_ended() const { return phase_ != Phase::setting_up; }
  bool setup_failed() const { return setup_error_.has_value(); }
  /// Drops all at once, without a goodbye: for a set-up that nobody wants any more.
  void abandon();
  /// After setup_ended(): throws what set-up threw, or gives the membership (without its control plane), once.
  Membership take_membership();
  void report(const ErrorInfo& fault);
  void leave(std::uint64_t operations);
  bool everyone_left() const;
  bool goodbye_said() const { return finished() || (phase_ == Phase::leaving && control_->flushed()); }

  // Called from any thread:
  FaultSlot& fault() { return fault_; }
  /// True if `peer` left after fewer than `operations` operations.
  bool left_before(Rank peer, std::uint64_t operations) const;

  void poll() override;
  bool finished() const override { return phase_ == Phase::finished; }
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() override;

 private:
  enum class Phase : std::uint8_t { setting_up, running, leaving, failing, finished };

  void poll_phase();
  void poll_setup();
  void publish();

  System& system_;
  Rank rank_;
  int n_ranks_;
  Phase phase_ = Phase::setting_up;
  std::unique_ptr<Setup> setup_;
  std::optional<ErrorInfo> setup_error_;
  Membership membership_;
  std::unique_ptr<ControlPlane> control_;
  FaultSlot fault_;
  std::vector<std::atomic<std::uint64_t>> operations_at_departure_;  ///< by rank; ~0: has not left
  std::size_t departures_seen_ = 0;
  std::int64_t linger_deadline_ns_ = 0;
};

}  // namespace stretto
