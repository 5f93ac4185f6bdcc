// The executor: binding a request to a plan, and whole operations of two ranks over shared-memory ports, both ranks
// polled by this one thread, so that the figure is work and no waiting.
#include <array>
#include <memory>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "conformance.hpp"
#include "exec/host_executor.hpp"
#include "inner_bench.hpp"

namespace stretto::bench {
namespace {

constexpr int kRanks = 2;
constexpr std::size_t kSlotBytes = 65536;

const TransportFactory& shm_factory() {
  for (const TransportFactory& factory : transport_factories()) {
    if (std::string_view(factory.name) == "shm") return factory;
  }
  throw Error(strettoInternalError, "no transport named shm");
}

class Pair {
 public:
  explicit Pair(const AlgorithmRow& algorithm) : team_(shm_factory(), team_config(algorithm)) {
    team_.set_up();
    PlanSpec spec;
    spec.collective = Collective::all_reduce;
    spec.algorithm = algorithm.name;
    spec.n_ranks = kRanks;
    spec.channels = algorithm.channel_multiple;
    for (Rank rank = 0; rank < kRanks; ++rank) {
      const PortSource ports{
          [this, rank](Rank peer, int channel) -> SendPort& { return team_.at(rank).send_port(peer, channel); },
          [this, rank](Rank peer, int channel) -> ReceivePort& { return team_.at(rank).receive_port(peer, channel); }};
      plans_.push_back(std::make_unique<PreparedPlan>(prepare(make_plan(spec, rank), ports)));
      executors_.emplace_back(rank);
    }
  }

  Binding bind(Rank rank, std::size_t count) const {
    const Request request{Collective::all_reduce, count, strettoFloat32, strettoSum, -1};
    return bind_request(request, *plans_[static_cast<std::size_t>(rank)], kSlotBytes);
  }

  /// False if a rank faulted.
  bool run(const std::vector<Binding>& bindings, const float* input, std::array<std::vector<float>, kRanks>& outputs) {
    for (std::size_t i = 0; i < kRanks; ++i) executors_[i].start(bindings[i], operation_, input, outputs[i].data());
    ++operation_;
    std::array<Progress, kRanks> states{Progress::running, Progress::running};
    while (states[0] == Progress::running || states[1] == Progress::running) {
      for (std::size_t i = 0; i < kRanks; ++i) {
        if (states[i] == Progress::running) states[i] = executors_[i].poll();
      }
    }
    return states[0] == Progress::done && states[1] == Progress::done;
  }

  std::uint64_t steps() const { return executors_[0].steps() + executors_[1].steps(); }

 private:
  static TeamConfig team_config(const AlgorithmRow& algorithm) {
    TeamConfig config;
    config.n_ranks = kRanks;
    config.channels = algorithm.channel_multiple;
    config.slot_bytes = kSlotBytes;
    return config;
  }

  Team team_;
  std::vector<std::unique_ptr<PreparedPlan>> plans_;
  std::vector<HostExecutor> executors_;
  std::uint64_t operation_ = 0;
};

void binding(benchmark::State& state, const AlgorithmRow& algorithm, std::size_t bytes) {
  const Pair pair(algorithm);
  for (auto _ : state) benchmark::DoNotOptimize(pair.bind(0, bytes / sizeof(float)));
}

void execution(benchmark::State& state, const AlgorithmRow& algorithm, std::size_t bytes) {
  Pair pair(algorithm);
  const std::size_t count = bytes / sizeof(float);
  const std::vector<Binding> bindings{pair.bind(0, count), pair.bind(1, count)};
  const std::vector<float> input(count, 1.0F);
  std::array<std::vector<float>, kRanks> outputs{std::vector<float>(count), std::vector<float>(count)};
  const std::uint64_t before = pair.steps();
  for (auto _ : state) {
    if (!pair.run(bindings, input.data(), outputs)) return fail(state, "a rank faulted");
  }
  if (outputs[0].back() != 2.0F || outputs[1].front() != 2.0F) return fail(state, "a wrong sum");
  // Time of one step, over both ranks.
  state.counters["per_step"] = benchmark::Counter(static_cast<double>(pair.steps() - before),
                                                  benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * state.iterations());
}

}  // namespace

void register_execution() {
  for (const AlgorithmRow& algorithm : catalogue()) {
    if (!algorithm.supports(Collective::all_reduce)) continue;
    for (const std::size_t bytes : {std::size_t{8}, std::size_t{65536}, std::size_t{1} << 20}) {
      const std::string rest = std::string(algorithm.name) + "/" + std::to_string(bytes);
      benchmark::RegisterBenchmark(("bind/" + rest).c_str(),
                                   [&algorithm, bytes](benchmark::State& s) { binding(s, algorithm, bytes); });
      benchmark::RegisterBenchmark(("execute/" + rest).c_str(),
                                   [&algorithm, bytes](benchmark::State& s) { execution(s, algorithm, bytes); });
    }
  }
}

}  // namespace stretto::bench
