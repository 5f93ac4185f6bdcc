// The composition root: one rank's communicator, as the C API sees it. It joins the engine that runs the operations
// (in the caller's thread) with the task that looks after set-up, liveness and faults (in the service thread).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "comm/batch.hpp"
#include "comm/debug_check.hpp"
#include "comm/engine.hpp"
#include "comm/lifecycle.hpp"
#include "comm/membership_task.hpp"
#include "comm/turns.hpp"
#include "comm/user_ops.hpp"
#include "comm/waiter.hpp"
#include "observe/flight_recorder.hpp"

namespace stretto {

class Communicator final : public Lifecycle {
 public:
  /// From a set-up that is complete: see participant.hpp.
  Communicator(std::shared_ptr<MembershipTask> task, Membership membership);
  /// Says goodbye, and does not wait for other ranks.
  ~Communicator() override;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  Rank rank() const { return engine_.rank(); }
  int n_ranks() const { return engine_.n_ranks(); }

  /// Runs one operation in the calling thread, after all that was issued before. nullptr: done. Else the error; if the
  /// operation had begun, the communicator is faulted from then on.
  const ErrorInfo* run(const Operation& operation) { return run(std::span(&operation, 1)); }
  /// Of several operations all are sends and receives, and go at once.
  const ErrorInfo* run(std::span<const Operation> operations);

  const Settings& agreed_settings() const override { return engine_.settings(); }
  const Topology& topology() const override { return engine_.topology(); }

  // Issuing, in the order of which operations run (issue.hpp):
  /// The right to issue, until leave(). The error: there is a fault, or another thread has the right.
  std::optional<ErrorInfo> claim();
  void leave() noexcept override { turns_.leave(); }
  /// The right to issue, for ever: nothing is issued any more. False: another thread has it.
  bool close() noexcept override { return turns_.try_enter(); }
  Turns::Ticket take_turn(const Batch& batch);
  void return_turn() noexcept { turns_.give_back(); }

  /// Returns when all that was issued has ended.
  void drain() override;
  /// Operations that have ended well. After drain().
  std::uint64_t completed() const override { return completed_; }

  /// Any thread, any time.
  void abort() override;
  /// The first fault as this rank reports it, or nullptr. Any thread.
  const ErrorInfo* fault() const override;

  std::vector<FlightRecord> flight_records() const { return flight_.records(); }
  Engine& engine() { return engine_; }
  UserOps& user_ops() { return user_ops_; }

 private:
  friend class BatchRun;

  /// Waits for a turn: whose, since when, and how far the others were then.
  struct TurnWatch {
    Communicator* comm;
    std::int64_t timeout_ns;
    std::int64_t start_ns = 0;
    std::uint64_t ended = 0;
    bool late();
  };

  const ErrorInfo* enter();
  const ErrorInfo* await_turn(std::int64_t timeout_ns);

  // The current operation, for the thread whose turn it is. None of these waits; after `faulted` see reported_.
  Progress begin(std::span<const Operation> operations);
  Progress poll();
  Progress verify();  ///< in debug mode, once the data is through
  Progress check();   ///< what costs something, now and then: deadline, departures, a word if nothing moves
  Progress end(const ErrorInfo* error);

  const ErrorInfo* fail(ErrorInfo fault);
  const ErrorInfo* fail_with(const ErrorInfo& heard);
  ErrorInfo fault_out_of_turn() const;
  void fail_at_exit();
  ErrorInfo as_heard_here(const ErrorInfo& heard) const;
  const ErrorInfo* settle(const ErrorInfo& info);
  void log_flight() const;
  const ErrorInfo* check_peers(const std::vector<Rank>& gone);
  Progress fail_unexpectedly(const std::exception& unexpected);
  bool has_left(Rank peer) const;
  void say_if_stuck(std::int64_t now_ns);
  void say_waiting();
  bool asks_the_one_ahead();
  void answer_what_it_waits_for();
  bool asks_along_the_row(const ErrorInfo& here);
  ErrorInfo deadline_passed(ErrorInfo here) const;
  ErrorInfo where_they_parted(ErrorInfo found) const;
  ErrorInfo at_this_point(strettoResult_t code) const;
  std::uint32_t spin_polls() const;

  std::shared_ptr<MembershipTask> task_;
  Engine engine_;
  FlightRecorder flight_;
  Waiter waiter_;
  Turns turns_;
  std::int64_t start_ns_ = 0;  ///< of the current operation's wait; 0: has not begun
  std::int64_t timeout_ns_ = 0;
  /// The current operation has stood at this step since then.
  struct Standstill {
    std::uint64_t steps = 0;
    std::int64_t since_ns = 0;  ///< 0: was not looked at yet
    bool said = false;
  } standstill_;
  std::int64_t answer_deadline_ns_ = 0;  ///< 0: no question was put
  /// Whom this rank has asked what it waits for, since its deadline passed.
  struct Question {
    Rank whom = -1;
    std::int64_t until_ns = 0;  ///< 0: none was put
  } question_;
  std::atomic<std::int64_t> longest_timeout_ns_{0};  ///< of all that was issued to streams
  UserOps user_ops_;
  std::unique_ptr<DebugCheck> debug_;  ///< nullptr: off
  std::uint64_t completed_ = 0;
  FaultSlot reported_;       ///< the first fault in this rank's words: with its operation and step
  mutable FaultSlot heard_;  ///< another rank's fault in this rank's words, while no operation has met it
};

}  // namespace stretto
