// One rank's membership at work: binds requests to plans and runs them. Non-blocking and single-threaded; the waiting,
// the deadlines and the faults of others are communicator.hpp's.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "comm/setup.hpp"
#include "exec/host_executor.hpp"
#include "planner/planner.hpp"

namespace stretto {

class Engine {
 public:
  explicit Engine(Membership membership);

  Rank rank() const { return membership_.rank; }
  int n_ranks() const { return membership_.n_ranks; }
  const Topology& topology() const { return *membership_.topology; }
  const Settings& settings() const { return membership_.settings; }
  ControlPlane& control() { return *membership_.control; }

  /// The binding for a request, made at its first use. Throws Error for arguments that no plan can serve.
  const Binding& bind(const Request& request);
  /// Begins the next operation. Arguments were checked.
  void start(const Binding& binding, const void* input, void* output);
  Progress poll();
  /// Ends an operation that cannot complete; nothing can be started afterwards.
  void give_up() { executor_.give_up(); }

  /// Operations begun so far; the number of the current one is one less.
  std::uint64_t operations() const { return operations_; }
  const HostExecutor& executor() const { return executor_; }
  void set_step_log(StepLog* log) { executor_.set_log(log); }
  /// Runs this program instead of the one that the algorithm builds, for tests: plans are data.
  void replace_program(const PlanSpec& spec, Program program);

 private:
  struct Entry {
    Request request;
    Binding binding;
  };
  using PlanKey = std::tuple<Collective, std::string, Rank, int>;

  std::unique_ptr<Entry> make_entry(const Request& request);
  PreparedPlan& plan_for(const PlanSpec& spec);
  PortSource port_source();

  /// Direct-mapped by a hash of the request: a hit costs one comparison. Evicted entries are made again from the plan.
  static constexpr std::size_t kCacheEntries = 256;

  Membership membership_;
  HostExecutor executor_;
  std::uint64_t operations_ = 0;
  std::map<PlanKey, std::unique_ptr<PreparedPlan>> plans_;
  std::array<std::unique_ptr<Entry>, kCacheEntries> cache_;
};

}  // namespace stretto
