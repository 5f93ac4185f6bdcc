// The whole stack in one thread under the simulated operating system: set-up, shared memory, plans, executor, control
// plane and goodbyes of n ranks, in seeded random order, with delays, partial I/O and crashes. Every operation is held
// to the oracle; nobody hangs; nothing is left open.
#include <gtest/gtest.h>

#include <algorithm>

#include "algorithms/catalogue.hpp"
#include "bootstrap/rendezvous.hpp"
#include "comm/engine.hpp"
#include "comm/membership_task.hpp"
#include "sim/sim_scheduler.hpp"
#include "support/collective_oracle.hpp"

namespace stretto::sim {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;

struct Operation {
  CollectiveCase shape;
  std::vector<Buffer> inputs;
  std::vector<Buffer> expected;
};

/// What every rank will do, made from the seed.
struct Script {
  Settings settings;
  std::vector<Operation> operations;
};

Script make_script(SimWorld& world, int n_ranks) {
  Script script;
  script.settings.setup_timeout_ns = 20 * kSecondNs;
  script.settings.heartbeat_interval_ns = kSecondNs;
  script.settings.heartbeat_timeout_ns = 60 * kSecondNs;
  script.settings.shm_slot_bytes = 64U << world.below(3);
  script.settings.shm_slots = 2U << world.below(2);
  const auto choice = world.below(catalogue().size() + 1);
  if (choice < catalogue().size()) script.settings.algorithm = catalogue()[choice].name;
  for (auto left = 1 + world.below(8); left > 0; --left) {
    const CollectiveRow& row = collective_rows()[world.below(collective_rows().size())];
    const Rank root = row.rooted ? static_cast<Rank>(world.below(static_cast<std::uint64_t>(n_ranks))) : -1;
    const CollectiveCase shape{row.collective, n_ranks, root, world.below(world.chance(0.5) ? 8 : 200)};
    std::mt19937_64 random(world.below(UINT64_MAX));
    std::vector<Buffer> inputs = random_inputs(shape, random);
    std::vector<Buffer> expected = expected_outputs(shape, inputs);
    script.operations.push_back({shape, std::move(inputs), std::move(expected)});
  }
  return script;
}

/// One simulated rank: the task that the service thread would drive, and the engine that the caller's would.
class StackRank {
 public:
  StackRank(SimWorld& world, int process, const strettoUniqueId& id, Rank rank, int n_ranks, const Script& script)
      : world_(world), process_(process), rank_(rank), script_(script) {
    task_ = std::make_unique<MembershipTask>(world.system(process), id, rank, n_ranks, script.settings);
  }

  bool step_task() {
    if (!task_) return false;
    task_->poll();
    if (!joined_ && task_->setup_state() != SetupState::under_way) {
      joined_ = true;
      try {
        engine_ = std::make_unique<Engine>(task_->take_membership());
        engine_->set_step_log(&log_);
      } catch (const Error& error) {
        error_ = error.info();
      }
      return true;
    }
    return false;
  }
  std::int64_t task_deadline_ns() { return task_ && !task_->finished() ? task_->next_deadline_ns() : INT64_MAX; }

  /// Begins, advances or ends an operation. True if a step of a plan was made.
  bool step_engine() {
    if (!engine_ || error_ || left_) return false;
    const std::size_t before = log_.records().size();
    if (const ErrorInfo* fault = task_->fault().get(); fault != nullptr) {
      engine_->give_up();
      error_ = *fault;
      task_->leave(next_);
      return true;
    }
    if (!running_) begin();
    if (!running_) return true;
    const Progress progress = engine_->poll();
    if (progress == Progress::faulted) error_ = engine_->fault();
    if (progress == Progress::done) end();
    if (crash_at_step_ != 0 && log_.records().size() >= crash_at_step_) world_.crash(process_);
    return log_.records().size() != before;
  }

  void crash_at_step(std::size_t step) { crash_at_step_ = step; }
  void destroy() {
    engine_.reset();
    task_.reset();
  }
  bool ended() const { return !task_ || error_ || (left_ && task_->goodbye_said()); }
  const std::optional<ErrorInfo>& error() const { return error_; }
  bool joined() const { return joined_; }
  bool all_done() const { return next_ == script_.operations.size(); }
  bool wrong() const { return wrong_; }
  int process() const { return process_; }
  const StepLog& log() const { return log_; }

 private:
  void begin() {
    if (next_ == script_.operations.size()) {
      task_->leave(next_);
      left_ = true;
      return;
    }
    const Operation& operation = script_.operations[next_];
    const CollectiveCase& shape = operation.shape;
    const Request request{shape.collective, shape.count, strettoInt64, strettoSum, shape.root};
    output_.assign(operation.expected[static_cast<std::size_t>(rank_)].size(), kPoison);
    engine_->start(engine_->bind(request), operation.inputs[static_cast<std::size_t>(rank_)].data(), output_.data());
    running_ = true;
  }
  void end() {
    wrong_ = wrong_ || output_ != script_.operations[next_].expected[static_cast<std::size_t>(rank_)];
    running_ = false;
    ++next_;
  }

  SimWorld& world_;
  int process_;
  Rank rank_;
  const Script& script_;
  std::unique_ptr<MembershipTask> task_;
  std::unique_ptr<Engine> engine_;
  StepLog log_;
  Buffer output_;
  std::size_t next_ = 0;
  std::size_t crash_at_step_ = 0;
  bool joined_ = false;
  bool running_ = false;
  bool left_ = false;
  bool wrong_ = false;
  std::optional<ErrorInfo> error_;
};

class Stack {
 public:
  explicit Stack(std::uint64_t seed, int n_min = 1) : world(seed), scheduler_(world) {
    n_ = n_min + static_cast<int>(world.below(static_cast<std::uint64_t>(9 - n_min)));
    for (int rank = 0; rank < n_; ++rank) world.add_process(0);
    script = make_script(world, n_);
    rendezvous_ = make_rendezvous(world.system(0), world.address(0));
    scheduler_.add({0, [this] { return poll_rendezvous(); },
                    [this] { return rendezvous_ ? rendezvous_->next_deadline_ns() : INT64_MAX; },
                    [this] { rendezvous_.reset(); }});
    for (Rank rank = 0; rank < n_; ++rank) {
      ranks.push_back(std::make_unique<StackRank>(world, rank, rendezvous_->id(), rank, n_, script));
      StackRank& it = *ranks.back();
      scheduler_.add(
          {rank, [&it] { return it.step_task(); }, [&it] { return it.task_deadline_ns(); }, [&it] { it.destroy(); }});
      scheduler_.add({rank, [&it] { return it.step_engine(); }, {}, {}});
    }
    if (n_ == 1) rendezvous_.reset();
  }

  bool run() {
    return scheduler_.run(
        [this] { return std::all_of(ranks.begin(), ranks.end(), [](const auto& rank) { return rank->ended(); }); },
        60 * kSecondNs);
  }
  void expect_clean() {
    for (auto& rank : ranks) rank->destroy();
    rendezvous_.reset();
    for (const auto& rank : ranks) {
      EXPECT_EQ(world.open_handles(rank->process()), 0) << "of process " << rank->process();
      EXPECT_EQ(world.open_mappings(rank->process()), 0) << "of process " << rank->process();
    }
  }
  int n() const { return n_; }

  SimWorld world;
  Script script;
  std::vector<std::unique_ptr<StackRank>> ranks;

 private:
  bool poll_rendezvous() {
    if (rendezvous_ && rendezvous_->poll()) rendezvous_.reset();
    return false;
  }

  SimScheduler scheduler_;
  int n_ = 0;
  std::unique_ptr<Rendezvous> rendezvous_;
};

TEST(StackSim, NothingGoesWrong_EveryOperationEqualsTheOracle) {
  std::size_t steps = 0;
  const int seeds = seeds_to_run(100);
  for (int seed = 0; seed < seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Stack stack(static_cast<std::uint64_t>(seed));
    EXPECT_TRUE(stack.run()) << "some rank hung";
    for (const auto& rank : stack.ranks) {
      EXPECT_FALSE(rank->error()) << rank->error()->text;
      EXPECT_TRUE(rank->all_done());
      EXPECT_FALSE(rank->wrong());
      steps += rank->log().records().size();
    }
    stack.expect_clean();
  }
  EXPECT_GT(steps, static_cast<std::size_t>(seeds) * 10) << "hardly anything ran";
}

TEST(StackSim, OneRankCrashesInTheMiddle_EverySurvivorNamesIt) {
  int crashes = 0;
  for (int seed = 0; seed < seeds_to_run(100) && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Stack stack(static_cast<std::uint64_t>(seed), 2);
    const auto victim = stack.world.below(static_cast<std::uint64_t>(stack.n()));
    stack.ranks[victim]->crash_at_step(1 + stack.world.below(60));
    EXPECT_TRUE(stack.run()) << "some rank hung";
    const bool crashed = stack.world.crashed(static_cast<int>(victim));
    crashes += crashed ? 1 : 0;
    for (std::size_t rank = 0; rank < stack.ranks.size(); ++rank) {
      const StackRank& it = *stack.ranks[rank];
      EXPECT_FALSE(it.wrong());
      if (!crashed || rank == victim) continue;
      // The victim may have done its part of the last operation: then all others can end well.
      ASSERT_TRUE(it.error() || it.all_done());
      if (it.error()) {
        EXPECT_EQ(it.error()->peer, static_cast<Rank>(victim)) << it.error()->text;
      }
    }
    stack.expect_clean();
  }
  EXPECT_GT(crashes, 0);
}

}  // namespace
}  // namespace stretto::sim
