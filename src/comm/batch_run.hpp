// One communicator's part of a call or of a group, on its way: it waits for its turn, runs its operations one after
// another, and ends. A non-blocking state machine; run_together() is the loop that waits, for one part or for several
// communicators that one thread drives.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "comm/communicator.hpp"
#include "comm/fuse.hpp"

namespace stretto {

class BatchRun {
 public:
  /// For the thread that has entered: with the ticket that it took (and leaves before the run), or with none (and holds
  /// its place until the run has ended).
  BatchRun(Communicator& communicator, Batch batch, std::optional<Turns::Ticket> ticket);

  /// One round. The communicator is not touched any more once the run has ended.
  void poll();
  bool ended() const { return phase_ == Phase::ended; }
  /// Whether the last round got on.
  bool progressed() const { return progressed_; }
  /// What costs something, now and then: deadlines and departures.
  void check();
  /// The process ends: gives up.
  void abandon();
  /// Sleeps until the turn has come, or there is a fault.
  void await_turn(const std::atomic<bool>* ending);
  const std::optional<ErrorInfo>& error() const { return error_; }
  Waiter& waiter() { return communicator_->waiter_; }

 private:
  enum class Phase : std::uint8_t { waiting, running, ended };

  bool due() const;
  void next_unit();
  void begin(std::span<const Operation> operations);
  void went(Progress progress);
  void end(std::optional<ErrorInfo> error);

  Communicator* communicator_;
  Batch batch_;
  std::optional<Turns::Ticket> ticket_;
  Communicator::TurnWatch watch_;
  Phase phase_ = Phase::waiting;
  std::vector<Unit> units_;
  std::size_t next_ = 0;                 ///< of units_
  std::optional<FusedOperation> fused_;  ///< the current unit, if it is several operations
  std::uint64_t steps_ = 0;
  bool progressed_ = false;
  std::optional<ErrorInfo> error_;
};

/// Runs them to their ends, all at once. `ending`: of the stream whose thread this is, or nullptr. Returns the first
/// error in the order of the runs.
std::optional<ErrorInfo> run_together(std::vector<BatchRun>& runs, const std::atomic<bool>* ending);

}  // namespace stretto
