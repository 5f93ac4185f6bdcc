// The service thread's share of one communicator: its set-up, its control plane while it lives, its goodbye.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <vector>

#include "comm/call_history.hpp"
#include "comm/fault_slot.hpp"
#include "comm/service.hpp"
#include "comm/setup.hpp"
#include "comm/wait_chain.hpp"

namespace stretto {

enum class SetupState : std::uint8_t { under_way, complete, failed };

class MembershipTask : public ServiceTask {
 public:
  MembershipTask(System& system, const strettoUniqueId& id, Rank rank, int n_ranks, const Settings& settings);
  /// The id comes while set-up is under way.
  MembershipTask(System& system, std::unique_ptr<IdSource> source, Rank rank, int n_ranks, const Settings& settings);

  // Called with the service's lock held (Service::run, Service::wait_until):
  /// Ends a set-up that is under way: it has failed at once, with strettoAborted; the others are told that this rank
  /// `verb` ("aborted", "destroyed") the communicator as soon as they can be. False: it has ended already.
  bool abort_setup(const char* verb);
  /// After set-up: the membership (without its control plane), once; or throws what ended it.
  Membership take_membership();
  void report(const ErrorInfo& fault);
  /// Gathers bytes of all ranks over the control plane, which all must ask for; one gather at a time.
  void start_gather(std::vector<std::byte> mine, const char* phase, std::int64_t deadline_ns);
  bool gather_ended() const { return gathered_.has_value() || gather_error_.has_value(); }
  /// By rank, when it has ended. Throws Error.
  std::vector<std::vector<std::byte>> take_gathered();
  /// This rank has made no progress in its current collective for long: the others say if they made another call.
  void say_waiting(std::uint64_t operation, const OpTag& tag);
  /// Tells every other rank; and what they have told (ControlPlane).
  void tell(std::vector<std::byte> word);
  std::vector<ControlPlane::Word> take_words();
  /// This rank makes no more operations, but goes on passing on what others say, until it leaves.
  void say_goodbye(std::uint64_t operations);
  void leave(std::uint64_t operations);
  bool everyone_left() const;
  bool goodbye_said() const { return finished() || (phase_ == Phase::leaving && control_->flushed()); }

  // Called from any thread:
  SetupState setup_state() const { return setup_state_.load(std::memory_order_acquire); }
  /// When it has failed; does not change any more.
  const ErrorInfo& setup_error() const { return setup_error_; }
  FaultSlot& fault() { return fault_; }
  CallHistory& calls() { return calls_; }
  WaitChain& waits() { return waits_; }
  /// True if `peer` left after fewer than `operations` operations.
  bool left_before(Rank peer, std::uint64_t operations) const;

  void poll() override;
  bool finished() const override { return phase_ == Phase::finished; }
  void watch(WaitSet& waits) override;
  std::int64_t next_deadline_ns() override;

 private:
  MembershipTask(System& system, std::unique_ptr<Setup> setup, Rank rank, int n_ranks);

  enum class Phase : std::uint8_t { setting_up, aborting, running, leaving, failing, finished };

  void poll_phase();
  void poll_setup();
  void poll_abort();
  void set_setup_error(ErrorInfo error);
  void end_setup();
  void abandon();
  void poll_gather();
  void publish();
  void judge_waiting();
  bool judge(const Waiting& theirs);
  void answer_for_idle();
  void hear_wait(const ControlPlane::Word& word);

  System& system_;
  Rank rank_;
  int n_ranks_;
  Phase phase_ = Phase::setting_up;
  std::unique_ptr<Setup> setup_;
  std::atomic<SetupState> setup_state_{SetupState::under_way};
  ErrorInfo setup_error_;
  ErrorInfo for_others_;  ///< why this rank aborted set-up
  Membership membership_;
  std::unique_ptr<ControlPlane> control_;
  bool gathering_ = false;
  std::optional<std::vector<std::vector<std::byte>>> gathered_;
  std::optional<ErrorInfo> gather_error_;
  FaultSlot fault_;
  CallHistory calls_;
  WaitChain waits_;
  bool hears_waits_ = false;      ///< words are of who waits for whom; those of devices are of other things
  std::vector<Waiting> waiting_;  ///< what others said of operations that this rank had not called yet
  std::vector<std::atomic<std::uint64_t>> operations_at_departure_;  ///< by rank; ~0: has not left
  std::size_t departures_seen_ = 0;
  std::int64_t linger_deadline_ns_ = 0;
};

}  // namespace stretto
