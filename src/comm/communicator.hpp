// The composition root: one rank's communicator, as the C API sees it. It joins the engine that runs the operations
// (in the caller's thread) with the task that looks after set-up, liveness and faults (in the service thread).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "comm/engine.hpp"
#include "comm/membership_task.hpp"
#include "comm/waiter.hpp"
#include "observe/flight_recorder.hpp"

namespace stretto {

class Communicator {
 public:
  /// Blocks until all ranks have come. Throws Error.
  static std::unique_ptr<Communicator> join(const strettoUniqueId& id, int n_ranks, Rank rank,
                                            const Settings& settings);
  /// All ranks of a new communicator in this process.
  static std::vector<std::unique_ptr<Communicator>> join_all(int n_ranks, const Settings& settings);
  /// Says goodbye, and does not wait for other ranks.
  ~Communicator();
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  Rank rank() const { return engine_.rank(); }
  int n_ranks() const { return engine_.n_ranks(); }

  /// Runs one operation in the calling thread. nullptr: done. Else the error; if the operation had begun, the
  /// communicator is faulted from then on. `timeout_ns` 0: the communicator's own.
  const ErrorInfo* run(const Request& request, const void* input, void* output, std::int64_t timeout_ns);

  /// Any thread, any time.
  void abort();
  /// The first fault as this rank reports it, or nullptr. Any thread.
  const ErrorInfo* fault() const;

  std::vector<FlightRecord> flight_records() const { return flight_.records(); }
  Engine& engine() { return engine_; }

 private:
  Communicator(std::shared_ptr<MembershipTask> task, Membership membership);

  const ErrorInfo* wait(std::int64_t timeout_ns);
  const ErrorInfo* fail(ErrorInfo fault);
  const ErrorInfo* fail_with(const ErrorInfo& heard);
  const ErrorInfo* settle(const ErrorInfo& info);
  void log_flight() const;
  const ErrorInfo* check_peers(std::int64_t start_ns, std::int64_t timeout_ns);
  ErrorInfo at_this_point(strettoResult_t code) const;
  std::uint32_t spin_polls() const;

  std::shared_ptr<MembershipTask> task_;
  Engine engine_;
  FlightRecorder flight_;
  Waiter waiter_;
  std::uint64_t completed_ = 0;
  std::atomic<bool> busy_{false};
  FaultSlot reported_;  ///< the first fault in this rank's words: with its operation and step
};

}  // namespace stretto
