// The executor against the oracle: every algorithm and collective, odd counts, several rounds, in place and not, with
// ranks that see each other's signals late and in any order; and against the plan: what ran is what the plan says.
#include "exec/host_executor.hpp"

#include <gtest/gtest.h>

#include "algorithms/catalogue.hpp"
#include "plan/pretended_groups.hpp"
#include "plan/pretended_trees.hpp"
#include "support/collective_oracle.hpp"
#include "support/sim_ports.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kPoison = 0x5EADBEEF5EADBEEF;
constexpr std::size_t kSlotBytes = 256;

/// n ranks in one thread over one simulated network.
class Group {
 public:
  Group(const PlanSpec& spec, std::uint32_t slots, std::uint64_t seed)
      : slot_bytes_(slot_bytes_for(spec)), network_(slot_bytes_, slots, seed) {
    for (Rank rank = 0; rank < spec.n_ranks; ++rank) {
      plans_.push_back(std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank), network_.ports_of(rank))));
      executors_.push_back(std::make_unique<HostExecutor>(rank));
    }
  }

  void replace(Rank rank, Program program) {
    Plan plan = plans_[static_cast<std::size_t>(rank)]->plan;
    plan.program = std::move(program);
    *plans_[static_cast<std::size_t>(rank)] = prepare(std::move(plan), network_.ports_of(rank));
  }

  /// Runs one operation on all ranks. In place: each input lies where its output will.
  std::vector<Buffer> run(const CollectiveCase& c, const std::vector<Buffer>& inputs, bool in_place) {
    const CollectiveRow& row = row_of(c.collective);
    std::vector<Buffer> in = inputs;
    std::vector<Buffer> out(inputs.size());
    std::vector<Binding> bindings;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const Request request{c.collective, c.count, strettoInt64, strettoSum, c.root};
      bindings.push_back(bind_request(request, *plans_[i], slot_bytes_));
      const std::size_t in_size = inputs[i].size();
      const std::size_t out_size = c.count * blocks_of(c, row.output, i);
      Buffer& buffer = out[i];
      const std::size_t both = std::max(in_shift(c, i) + in_size, out_shift(c, i) + out_size);
      buffer.assign(in_place ? both : out_size, kPoison);
      if (in_place) std::copy(in[i].begin(), in[i].end(), buffer.begin() + static_cast<std::ptrdiff_t>(in_shift(c, i)));
    }
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const std::int64_t* input = in_place ? out[i].data() + in_shift(c, i) : in[i].data();
      executors_[i]->start(bindings[i], operation_, input, out[i].data() + (in_place ? out_shift(c, i) : 0));
    }
    ++operation_;
    poll_all();
    if (!in_place) {
      EXPECT_EQ(in, inputs) << "an input was written";
    }
    for (std::size_t i = 0; in_place && i < out.size(); ++i) {
      const auto begin = out[i].begin() + static_cast<std::ptrdiff_t>(out_shift(c, i));
      out[i] = Buffer(begin, begin + static_cast<std::ptrdiff_t>(c.count * blocks_of(c, row.output, i)));
    }
    EXPECT_TRUE(network_.quiet()) << "signals, waits and credits do not balance";
    return out;
  }

  void log_to(StepLog* log) {
    for (auto& executor : executors_) executor->set_log(log);
  }
  const Plan& plan(Rank rank) const { return plans_[static_cast<std::size_t>(rank)]->plan; }
  std::mt19937_64& random() { return network_.random(); }

 private:
  static std::size_t in_shift(const CollectiveCase& c, std::size_t rank) {
    return in_place_shift(c, row_of(c.collective).input, rank);
  }
  static std::size_t out_shift(const CollectiveCase& c, std::size_t rank) {
    return in_place_shift(c, row_of(c.collective).output, rank);
  }

  void poll_all() {
    std::vector<bool> done(executors_.size());
    std::size_t left = done.size();
    for (std::size_t polls = 0; left > 0; ++polls) {
      ASSERT_LT(polls, 2'000'000U) << "no end in sight: deadlock";
      const std::size_t i = random()() % executors_.size();
      if (done[i]) continue;
      const Progress progress = executors_[i]->poll();
      ASSERT_NE(progress, Progress::faulted) << executors_[i]->fault().text;
      if (progress == Progress::done) {
        done[i] = true;
        --left;
      }
    }
  }

  /// Several rounds; and a line for each part.
  static std::size_t slot_bytes_for(const PlanSpec& spec) {
    return std::max(kSlotBytes, 64 * static_cast<std::size_t>(make_plan(spec, 0).parts_per_slot));
  }

  std::size_t slot_bytes_;
  SimNetwork network_;
  std::vector<std::unique_ptr<PreparedPlan>> plans_;
  std::vector<std::unique_ptr<HostExecutor>> executors_;
  std::uint64_t operation_ = 0;
};

PlanSpec spec_of(const AlgorithmRow& algorithm, Collective collective, int n_ranks, Rank root) {
  PlanSpec spec;
  spec.collective = collective;
  spec.algorithm = algorithm.name;
  spec.n_ranks = n_ranks;
  spec.root = row_of(collective).rooted ? root : -1;
  spec.channels = algorithm.channel_multiple;
  spec.groups = pretended_groups(algorithm, n_ranks, n_ranks + static_cast<int>(collective));
  spec.parents = pretended_parents(algorithm, collective, n_ranks, root, spec.channels,
                                   n_ranks + static_cast<int>(collective), spec.groups);
  return spec;
}

class ExecutorSweep : public testing::TestWithParam<std::string_view> {};

TEST_P(ExecutorSweep, RandomOperations_EqualTheOracle) {
  const AlgorithmRow& algorithm = *find_algorithm(GetParam());
  std::mt19937_64 random(20261122);
  for (const CollectiveRow& row : collective_rows()) {
    if (!algorithm.supports(row.collective)) continue;
    for (int n_ranks = 1; n_ranks <= 9; ++n_ranks) {
      const Rank root = static_cast<Rank>(random() % static_cast<std::uint64_t>(n_ranks));
      const PlanSpec spec = spec_of(algorithm, row.collective, n_ranks, root);
      const std::uint64_t seed = random();
      SCOPED_TRACE(testing::Message() << row.name << " n=" << n_ranks << " root=" << root << " seed=" << seed);
      Group group(spec, static_cast<std::uint32_t>(algorithm.min_slots), seed);
      for (const std::size_t count : {0, 1, 2, 7, 32, 33, 100, 1000}) {
        for (const bool in_place : {false, true}) {
          if (in_place && !can_be_in_place(row)) continue;
          const CollectiveCase c{row.collective, n_ranks, spec.root, count};
          const std::vector<Buffer> inputs = random_inputs(c, random);
          ASSERT_EQ(group.run(c, inputs, in_place), expected_outputs(c, inputs))
              << "count=" << count << " in place " << in_place;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Algorithms, ExecutorSweep, testing::ValuesIn([] {
                           std::vector<std::string_view> names;
                           for (const AlgorithmRow& row : catalogue()) names.push_back(row.name);
                           return names;
                         }()),
                         [](const auto& instance) { return std::string(instance.param); });

/// Each strand's records are its steps in order, body by round and then the epilogue: nothing left out or added.
void expect_linearises(const StepLog& log, const Group& group, int n_ranks) {
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    const std::vector<Strand>& strands = group.plan(rank).program.strands;
    for (std::size_t s = 0; s < strands.size(); ++s) {
      std::vector<const Step*> steps;
      for (const Step& step : strands[s].body) steps.push_back(&step);
      for (const Step& step : strands[s].epilogue) steps.push_back(&step);
      std::size_t expected = 0;
      std::uint64_t round = 0;
      for (const StepRecord& record : log.records()) {
        if (record.rank != rank || record.strand != static_cast<std::int32_t>(s)) continue;
        if (expected == strands[s].body.size() && record.step == 0 && !strands[s].body.empty()) expected = 0, ++round;
        ASSERT_EQ(record.step, static_cast<std::int32_t>(expected));
        ASSERT_EQ(record.kind, steps[expected]->kind);
        ASSERT_EQ(record.peer, steps[expected]->peer);
        if (expected < strands[s].body.size()) {
          ASSERT_EQ(record.round, round);
        }
        ++expected;
      }
      ASSERT_EQ(expected, steps.size()) << "rank " << rank << " strand " << s << " stopped early";
    }
  }
}

/// The k-th wait on a connection comes after the k-th signal, the (k + slots)-th credit after the k-th release.
void expect_causal(const StepLog& log, std::uint32_t slots) {
  struct Counts {
    std::uint64_t signals = 0, waits = 0, releases = 0, credits = 0;
  };
  std::map<std::tuple<Rank, Rank, int>, Counts> connections;
  for (const StepRecord& r : log.records()) {
    Counts& outgoing = connections[{r.rank, r.peer, r.channel}];
    Counts& incoming = connections[{r.peer, r.rank, r.channel}];
    if (r.kind == StepKind::signal) ++outgoing.signals;
    if (r.kind == StepKind::wait) {
      ASSERT_LE(++incoming.waits, incoming.signals);
    }
    if (r.kind == StepKind::release) {
      ASSERT_LE(++incoming.releases, incoming.waits);
    }
    if (r.kind == StepKind::wait_credit) {
      ASSERT_LE(++outgoing.credits, outgoing.releases + slots);
    }
    if (r.kind == StepKind::wait_drain) {
      ASSERT_EQ(outgoing.releases, outgoing.signals);
    }
  }
}

TEST(Executor, StepLog_LinearisesThePlan) {
  for (const AlgorithmRow& algorithm : catalogue()) {
    for (const CollectiveRow& row : collective_rows()) {
      if (!algorithm.supports(row.collective)) continue;
      SCOPED_TRACE(testing::Message() << algorithm.name << " " << row.name);
      const int n_ranks = 5;
      const auto slots = static_cast<std::uint32_t>(algorithm.min_slots) + 1;
      Group group(spec_of(algorithm, row.collective, n_ranks, 2), slots, 7);
      StepLog log;
      group.log_to(&log);
      const CollectiveCase c{row.collective, n_ranks, row.rooted ? 2 : -1, 500};
      std::mt19937_64 random(5);
      group.run(c, random_inputs(c, random), false);
      expect_linearises(log, group, n_ranks);
      expect_causal(log, slots);
    }
  }
}

// Plans are not decoration: a program edited to sum one source twice gives that sum.
TEST(Executor, EditedPlan_ChangesTheResult) {
  const PlanSpec spec = spec_of(*find_algorithm("one_shot"), Collective::all_reduce, 2, -1);
  Group group(spec, 2, 1);
  Program program = group.plan(1).program;
  for (Step& step : program.strands.at(0).body) {
    if (step.kind == StepKind::reduce) step.sources.push_back(input(0));
  }
  group.replace(1, program);
  const CollectiveCase c{Collective::all_reduce, 2, -1, 3};
  const std::vector<Buffer> inputs = {{1, 2, 3}, {10, 20, 30}};
  const std::vector<Buffer> outputs = group.run(c, inputs, false);
  EXPECT_EQ(outputs[0], (Buffer{11, 22, 33}));
  EXPECT_EQ(outputs[1], (Buffer{21, 42, 63}));
}

TEST(Executor, RanksThatDisagree_AreNamedWithTheField) {
  SimNetwork network(kSlotBytes, 4, 3);
  const PlanSpec spec = spec_of(*find_algorithm("one_shot"), Collective::all_reduce, 2, -1);
  std::vector<std::unique_ptr<PreparedPlan>> plans;
  std::vector<HostExecutor> executors{HostExecutor(0), HostExecutor(1)};
  std::vector<Binding> bindings;
  Buffer in(8, 1);
  Buffer out(8);
  for (Rank rank = 0; rank < 2; ++rank) {
    plans.push_back(std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank), network.ports_of(rank))));
    const Request request{Collective::all_reduce, rank == 0 ? 4U : 8U, strettoInt64, strettoSum, -1};
    bindings.push_back(bind_request(request, *plans.back(), kSlotBytes));
  }
  for (std::size_t i = 0; i < 2; ++i) executors[i].start(bindings[i], 17, in.data(), out.data());
  for (std::size_t i : {0U, 1U}) {
    Progress progress = Progress::running;
    for (int polls = 0; polls < 1000 && progress == Progress::running; ++polls) {
      executors[1 - i].poll();
      progress = executors[i].poll();
    }
    ASSERT_EQ(progress, Progress::faulted);
    const ErrorInfo& fault = executors[i].fault();
    EXPECT_EQ(fault.code, strettoInvalidUsage);
    EXPECT_EQ(fault.field, "count");
    EXPECT_EQ(fault.rank, static_cast<Rank>(i));
    EXPECT_EQ(fault.peer, static_cast<Rank>(1 - i));
    EXPECT_EQ(fault.operation, 17);
  }
}

// What a peer wrote may be anything. (The fuzz target `shm_frames` found this.)
TEST(Executor, TagOfNumbersThatMeanNothing_HasAText) {
  OpTag tag;
  tag.datatype = 202;
  tag.red_op = 99;
  EXPECT_EQ(to_string(tag), "all_reduce(count=0, invalid, user) as operation 0 by plan 00000000");
  tag.collective = 203;
  EXPECT_EQ(to_string(tag), "an unknown collective (203)");
}

}  // namespace
}  // namespace stretto
