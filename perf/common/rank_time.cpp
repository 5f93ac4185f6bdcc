// How long operations take: on the host by its clock, around calls that return when they are done; on GPUs by marks in
// the ranks' streams, around operations (or replays of a graph of them) that follow one another there.
#include <algorithm>
#include <ctime>

#include "perf/common/rank_bench.hpp"

namespace stretto::perf {
namespace {

/// Operations before the first mark: when it is reached, the ranks have met, and the host is ahead of the streams.
constexpr int kLeadIn = 2;

double seconds(bool cpu_time) {
  timespec now{};
  clock_gettime(cpu_time ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void append(std::vector<double>& all, const std::vector<double>& more) {
  all.insert(all.end(), more.begin(), more.end());
}

}  // namespace

/// One list of values per rank of this thread, all equally long.
std::vector<double> RankBench::over_ranks(const std::vector<std::vector<double>>& values) {
  std::vector<double> result = values.front();
  const bool slowest = options_.average == Average::slowest;
  const bool fastest = options_.average == Average::fastest;
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (options_.average == Average::rank_0 && rank() != 0) result[i] = 0;
    for (std::size_t seat = 1; seat < values.size(); ++seat) {
      const double next = values[seat][i];
      if (slowest) result[i] = std::max(result[i], next);
      if (fastest) result[i] = std::min(result[i], next);
      if (options_.average == Average::mean) result[i] += next;
    }
  }
  if (result.empty()) return result;
  figures().all_reduce(result.data(), result.size(), slowest ? strettoMax : fastest ? strettoMin : strettoSum);
  if (options_.average == Average::mean) {
    for (double& value : result) value /= n_ranks_;
  }
  return result;
}

void RankBench::time(const Jobs& jobs, Measurement& result) {
  // Zeros stay zeros whatever is done to them: repeated in place, other values would grow out of the type or become
  // subnormal, which is slow.
  for (const Job& job : jobs) {
    job.seat.send->clear(job.send_bytes());
    job.seat.receive->clear(std::max(job.send_bytes(), job.receive_bytes()));
  }
  if (!on_gpus()) return time_on_host(jobs, result);
  finish(kStretto);
  barrier();
  for (const Library library : {kStretto, kNccl}) {
    if (library == kNccl && !compares()) break;
    for (int i = 0; i < options_.warmup * options_.aggregate; ++i) issue(jobs, library);
    finish(library);
    if (options_.graph_launches > 0) capture(jobs, library);
    barrier();
  }
  compares() ? time_in_turns(jobs, result) : time_on_gpus(jobs, result);
}

void RankBench::time_on_host(const Jobs& jobs, Measurement& result) {
  for (int i = 0; i < options_.warmup * options_.aggregate; ++i) issue(jobs, kStretto);
  std::vector<double> iterations;
  if (options_.iteration_times) iterations.reserve(static_cast<std::size_t>(options_.iterations));
  barrier();
  const double start = seconds(options_.cpu_time);
  double last = start;
  for (int i = 0; i < options_.iterations; ++i) {
    for (int j = 0; j < options_.aggregate; ++j) issue(jobs, kStretto);
    if (!options_.iteration_times) continue;
    const double now = seconds(options_.cpu_time);
    iterations.push_back((now - last) / options_.aggregate * 1e6);
    last = now;
  }
  const double elapsed = seconds(options_.cpu_time) - start;
  const int operations = std::max(1, options_.iterations * options_.aggregate);
  result.time_us = over_ranks(elapsed / operations * 1e6);
  if (!options_.iteration_times) return;
  // The slowest rank of each iteration.
  if (!iterations.empty()) figures().all_reduce(iterations.data(), iterations.size(), strettoMax);
  put_statistics(std::move(iterations), result);
}

void RankBench::put_statistics(std::vector<double> iterations, Measurement& result) const {
  const std::size_t skipped = std::min(iterations.size(), static_cast<std::size_t>(options_.skipped_iterations));
  iterations.erase(iterations.begin(), iterations.begin() + static_cast<std::ptrdiff_t>(skipped));
  result.median_us = percentile(iterations, 0.5);
  result.p95_us = percentile(iterations, 0.95);
}

void RankBench::time_on_gpus(const Jobs& jobs, Measurement& result) {
  if (options_.cpu_time) {
    // What the calls take of the thread that makes them, however long their work then takes.
    const double start = seconds(true);
    for (int i = 0; i < options_.iterations * options_.aggregate; ++i) issue(jobs, kStretto);
    const double elapsed = seconds(true) - start;
    finish(kStretto);
    result.time_us = over_ranks(elapsed / std::max(1, options_.iterations * options_.aggregate) * 1e6);
    return;
  }
  if (options_.graph_launches > 0) {
    result.samples_us = sample(jobs, kStretto, options_.graph_launches, options_.iterations, 1);
    result.time_us = median(result.samples_us);
  } else if (options_.iteration_times) {
    result.samples_us = sample(jobs, kStretto, options_.iterations, 1, kLeadIn);
    double sum = 0;
    for (const double each : result.samples_us) sum += each;
    result.time_us = sum / std::max(1, options_.iterations);
  } else if (options_.iterations > 0) {
    result.samples_us = sample(jobs, kStretto, 1, options_.iterations, kLeadIn);
    result.time_us = result.samples_us.front();
  }
  if (options_.iteration_times) put_statistics(result.samples_us, result);
}

/// Turns of both libraries on the same buffers: what else happens on the machine meets both. Who begins alternates.
void RankBench::time_in_turns(const Jobs& jobs, Measurement& result) {
  const bool graphs = options_.graph_launches > 0;
  const int samples = graphs ? std::max(1, options_.graph_launches / options_.pairs)
                             : (options_.iteration_times ? options_.iterations : 1);
  const int iterations = graphs || !options_.iteration_times ? options_.iterations : 1;
  std::array<std::vector<double>, 2> all;
  std::array<std::vector<double>, 2> turns;
  for (int turn = 0; turn < options_.pairs; ++turn) {
    for (int i = 0; i < 2; ++i) {
      const Library library = (turn + i) % 2 == 0 ? kStretto : kNccl;
      const std::vector<double> taken = sample(jobs, library, samples, iterations, graphs ? 1 : kLeadIn);
      append(all.at(library), taken);
      turns.at(library).push_back(median(taken));
    }
  }
  result.time_us = median(all[kStretto]);
  Rival& rival = result.rival.emplace();
  rival.time_us = median(all[kNccl]);
  rival.ratio = paired_ratio(turns[kStretto], turns[kNccl]);
  rival.samples_us = std::move(all[kNccl]);
  if (options_.iteration_times) put_statistics(all[kStretto], result);
  result.samples_us = std::move(all[kStretto]);
}

/// All iterations as one graph, one operation after another.
void RankBench::capture(const Jobs& jobs, Library library) {
  for (const Job& job : jobs) job.seat.gpu->begin_capture();
  for (int i = 0; i < options_.iterations * options_.aggregate; ++i) issue(jobs, library);
  for (const Job& job : jobs) job.seat.gpu->end_capture(library);
  finish(library);
}

/// `samples` times in microseconds per operation, each of so many iterations (or of a replay of the graph of them all)
/// and over all ranks as -a says. Before them come `first_iterations` (or replays) that are not timed.
std::vector<double> RankBench::sample(const Jobs& jobs, Library library, int samples, int iterations,
                                      int first_iterations) {
  const bool graphs = options_.graph_launches > 0;
  const auto n_samples = static_cast<std::size_t>(samples);
  const auto run_once = [&] {
    if (!graphs) {
      for (int i = 0; i < options_.aggregate; ++i) {
        issue(jobs, library);
        if (options_.blocking) finish(library);
      }
      return;
    }
    for (const Job& job : jobs) job.seat.gpu->replay(library);
    watchdog_.feed();
  };
  const auto mark = [&](std::size_t index) {
    for (const Job& job : jobs) job.seat.gpu->mark(index);
  };
  for (const Job& job : jobs) job.seat.gpu->prepare_marks(n_samples + 1);
  barrier();
  for (int i = 0; i < first_iterations; ++i) run_once();
  mark(0);
  for (std::size_t taken = 0; taken < n_samples; ++taken) {
    for (int i = 0; i < (graphs ? 1 : iterations); ++i) run_once();
    mark(taken + 1);
  }
  finish(library);
  std::vector<std::vector<double>> times;
  for (const Job& job : jobs) {
    std::vector<double>& mine = times.emplace_back();
    for (std::size_t taken = 0; taken < n_samples; ++taken) {
      mine.push_back(job.seat.gpu->us_between(taken, taken + 1) / (iterations * options_.aggregate));
    }
  }
  return over_ranks(times);
}

/// Of all ranks' GPUs, while they are still warm from the row.
void RankBench::note_clocks(Row& row) {
  constexpr std::size_t kNumbers = 4;
  const auto n = static_cast<std::size_t>(n_ranks_);
  std::vector<std::uint64_t> numbers(n * kNumbers, 0);
  for (const Seat& seat : seats_) {
    const std::optional<GpuClocks> clocks = gpu_clocks(seat.gpu->facts().uuid);
    if (!clocks) continue;
    std::uint64_t* const mine = &numbers[static_cast<std::size_t>(seat.rank) * kNumbers];
    mine[0] = clocks->sm_mhz;
    mine[1] = clocks->most_sm_mhz;
    mine[2] = clocks->memory_mhz;
    mine[3] = clocks->throttle_reasons;
  }
  figures().all_reduce(numbers.data(), numbers.size());
  const bool known = std::any_of(numbers.begin(), numbers.end(), [](std::uint64_t number) { return number != 0; });
  for (std::size_t rank = 0; known && rank < n; ++rank) {
    const std::uint64_t* const its = &numbers[rank * kNumbers];
    row.clocks.push_back(
        {static_cast<unsigned>(its[0]), static_cast<unsigned>(its[1]), static_cast<unsigned>(its[2]), its[3]});
  }
}

}  // namespace stretto::perf
