// What set-up pays for a plan: the choice, the making, and the proof that tests run.
#include <array>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "inner_bench.hpp"
#include "plan/checker.hpp"
#include "planner/planner.hpp"

namespace stretto::bench {
namespace {

constexpr std::array<int, 3> kRanks{8, 64, 512};

PlanChoice choose(const CollectiveRow& row, std::uint64_t bytes, int n_ranks) {
  return choose_plan(row.collective, bytes, n_ranks, row.rooted ? 0 : -1, 0, {}, "");
}

void choosing(benchmark::State& state, const CollectiveRow& row, std::uint64_t bytes, int n_ranks) {
  for (auto _ : state) benchmark::DoNotOptimize(choose(row, bytes, n_ranks));
}

void making(benchmark::State& state, const CollectiveRow& row, std::uint64_t bytes, int n_ranks) {
  const PlanChoice choice = choose(row, bytes, n_ranks);
  for (auto _ : state) benchmark::DoNotOptimize(make_plan(choice.spec, n_ranks / 2));
  state.SetLabel(std::string(choice.spec.algorithm));
}

/// One operation of all ranks, in two rounds.
void checking(benchmark::State& state, const AlgorithmRow& algorithm, int n_ranks) {
  PlanSpec spec;
  spec.collective = Collective::all_reduce;
  spec.algorithm = algorithm.name;
  spec.n_ranks = n_ranks;
  spec.channels = algorithm.channel_multiple;
  std::vector<Program> programs;
  Plan plan;
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    plan = make_plan(spec, rank);
    programs.push_back(plan.program);
  }
  CheckedOperation operation;
  operation.spec = spec;
  operation.chunks_per_block = plan.chunks_per_block;
  operation.programs = &programs;
  operation.rounds = 2;
  operation.parts_per_slot = plan.parts_per_slot;
  const CheckConfig config{.slots = plan.min_slots};
  for (auto _ : state) {
    const CheckReport report = check({&operation, 1}, config);
    if (!report.ok()) return fail(state, report.text);
  }
}

std::string name(const char* what, std::string_view of, int n_ranks) {
  return std::string(what) + "/" + std::string(of) + "/" + std::to_string(n_ranks);
}

}  // namespace

void register_plans() {
  for (const int n_ranks : kRanks) {
    for (const CollectiveRow& row : collective_rows()) {
      for (const std::uint64_t bytes : {std::uint64_t{8}, std::uint64_t{1} << 20}) {
        const std::string of = std::string(row.name) + "/" + std::to_string(bytes);
        benchmark::RegisterBenchmark(name("choose_plan", of, n_ranks).c_str(),
                                     [&row, bytes, n_ranks](benchmark::State& s) { choosing(s, row, bytes, n_ranks); });
        benchmark::RegisterBenchmark(name("make_plan", of, n_ranks).c_str(),
                                     [&row, bytes, n_ranks](benchmark::State& s) { making(s, row, bytes, n_ranks); });
      }
    }
    if (n_ranks > 64) continue;  // a proof takes time that grows faster than the ranks
    for (const AlgorithmRow& algorithm : catalogue()) {
      if (!algorithm.supports(Collective::all_reduce)) continue;
      benchmark::RegisterBenchmark(name("check/all_reduce", algorithm.name, n_ranks).c_str(),
                                   [&algorithm, n_ranks](benchmark::State& s) { checking(s, algorithm, n_ranks); });
    }
  }
}

}  // namespace stretto::bench
