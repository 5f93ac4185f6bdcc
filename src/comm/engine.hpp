// One rank's membership at work: binds requests to plans and runs them. Non-blocking and single-threaded; the waiting,
// the deadlines and the faults of others are communicator.hpp's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "comm/batch.hpp"
#include "comm/requests.hpp"
#include "comm/setup.hpp"
#include "exec/host_executor.hpp"
#include "exec/pair_executor.hpp"
#include "planner/planner.hpp"

namespace stretto {

class Engine {
 public:
  explicit Engine(Membership membership);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Rank rank() const { return membership_.rank; }
  int n_ranks() const { return membership_.n_ranks; }
  const Topology& topology() const { return *membership_.topology; }
  const Settings& settings() const { return membership_.settings; }
  ControlPlane& control() { return *membership_.control; }
  /// What plans are chosen by.
  const LinkModel& link() const { return membership_.link; }
  int max_channels() const { return membership_.max_channels; }

  /// The binding for a request, made at its first use. Throws Error for arguments that no plan can serve.
  const Binding& bind(const Request& request);
  /// Begins the next operation: one collective, or any number of sends and receives. Arguments were checked. Throws
  /// Error for what no plan can serve, and for messages to this rank itself that do not match. `riding`, if not
  /// nullptr, has a word for each send or receive, which goes behind its data (into it, of a receive).
  void start(std::span<const Operation> operations, std::uint64_t* riding = nullptr);
  void start(const Binding& binding, const void* input, void* output);
  /// After a collective whose poll() was done, as a part of it: each rank gives `own`, which is its part of `all` (by
  /// rank, of the same size), and gets the others'.
  void start_exchange(std::span<const std::uint64_t> own, std::span<std::uint64_t> all);
  /// Throws Error(strettoInvalidUsage) where sends and receives of this rank to itself do not match.
  void check_self_messages(std::span<const Operation> operations) const {
    stretto::check_self_messages(rank(), operations);
  }
  Progress poll();
  /// Ends an operation that cannot complete; nothing can be started afterwards.
  void give_up();

  /// Of the current operation, or the one before if there is none.
  const OpTag& tag() const { return tag_; }
  /// Of the current collective, as every rank has it: what an all-to-all-v's tag says of counts is each rank's own.
  OpTag common_tag() const;
  /// The tag of another collective that a collective met, if that is how poll() was faulted.
  const std::optional<OpTag>& refused() const { return executor_.refused(); }
  /// After poll() was faulted.
  const ErrorInfo& fault() const { return between_pairs_ ? pairs_.fault() : executor_.fault(); }
  std::vector<Blocked> blocked() const { return between_pairs_ ? pairs_.blocked() : executor_.blocked(); }
  /// Run so far.
  std::uint64_t steps() const { return executor_.steps() + pairs_.steps(); }
  /// Whether the current operation is of all ranks: sends and receives are not, and are not counted.
  bool is_collective() const { return !is_pair_call(static_cast<Collective>(tag_.collective)); }

  /// Collectives begun so far; the number of the current one is one less.
  std::uint64_t operations() const { return operations_; }
  void set_step_log(StepLog* log);
  /// Runs this program instead of the one that the algorithm builds, for tests: plans are data.
  void replace_program(const PlanSpec& spec, Program program);

 private:
  struct Entry {
    Request request;
    Binding binding;
  };
  using PlanKey = std::tuple<Collective, std::string, Rank, int>;

  std::unique_ptr<Entry> make_entry(const Request& request);
  const Binding& bind_details(const Operation& operation);
  const Binding& base_of(const Operation& operation);
  void start_pairs(std::span<const Operation> operations, std::uint64_t* riding);
  void start_all_to_all_v(const Operation& operation);
  void move_to_self(std::span<const Operation> operations) const;
  PreparedPlan& plan_for(const PlanSpec& spec);
  PortSource port_source();

  Membership membership_;
  HostExecutor executor_;
  PairExecutor pairs_;
  bool between_pairs_ = false;  ///< pairs_ runs the current operation
  OpTag tag_;
  std::uint64_t operations_ = 0;
  std::vector<std::uint32_t> sent_;      ///< messages, by peer
  std::vector<std::uint32_t> received_;  ///< messages, by peer
  Binding one_off_;                      ///< of the last operation that had details
  Request one_off_request_;
  BlockSizes one_off_sizes_;
  std::map<PlanKey, std::unique_ptr<PreparedPlan>> plans_;
  /// By entry_of: a hit costs one comparison. Evicted entries are made again from the plan.
  std::array<std::unique_ptr<Entry>, kBoundMost> cache_;
};

}  // namespace stretto
