// The parts of the program of benchmarks: each registers its own.
#pragma once

#include <benchmark/benchmark.h>

#include <string>

namespace stretto::bench {

void register_reductions();
void register_plans();
void register_execution();

/// Ends a benchmark that found something wrong: the program then fails, which Google Benchmark alone would not do.
void fail(benchmark::State& state, const std::string& text);
int failures();

}  // namespace stretto::bench
