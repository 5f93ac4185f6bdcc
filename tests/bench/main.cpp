// Benchmarks of the inner loops, by --benchmark_filter: reduce/..., scale/..., choose_plan/..., make_plan/...,
// check/..., bind/..., execute/...
#include "inner_bench.hpp"

namespace stretto::bench {
namespace {

int n_failures = 0;

}  // namespace

void fail(benchmark::State& state, const std::string& text) {
  ++n_failures;
  state.SkipWithError(text.c_str());
}

int failures() { return n_failures; }

}  // namespace stretto::bench

int main(int argc, char** argv) {
  stretto::bench::register_reductions();
  stretto::bench::register_plans();
  stretto::bench::register_execution();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::size_t n_run = benchmark::RunSpecifiedBenchmarks();
  return n_run == 0 || stretto::bench::failures() != 0 ? 1 : 0;
}
