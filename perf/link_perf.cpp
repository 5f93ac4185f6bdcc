// The ceilings that results on GPUs are held against: what two GPUs of this process can do at most with each way of
// moving bytes, and what a flag and a kernel cost at least. Results are checked first.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "perf/common/machine.hpp"
#include "perf/common/nvml.hpp"
#include "perf/common/options.hpp"
#include "perf/common/provenance_json.hpp"
#include "perf/common/statistics.hpp"
#include "perf/common/world.hpp"
#include "perf/link/bench.hpp"

namespace stretto::perf::link {
namespace {

using Json = nlohmann::ordered_json;

struct Arguments {
  BenchOptions bench;
  std::vector<int> devices{0, 1};
  std::vector<int> sms{2, 4, 8, 16, 32, 64, 132};
  std::string bytes = "512M";
  std::string json_file;
};

[[noreturn]] void refuse(const std::string& option, const std::string& what) {
  throw CLI::ValidationError(option, what);
}

void understand(Arguments& arguments) {
  const std::optional<std::size_t> bytes = parse_bytes(arguments.bytes);
  if (!bytes || *bytes == 0 || *bytes % kUnitBytes != 0) refuse("--bytes", "must be a multiple of 32K");
  arguments.bench.bytes = *bytes;
  if (arguments.devices.size() != 2) refuse("--devices", "takes two, as in 0,1");
  for (std::size_t side = 0; side < 2; ++side) {
    if (arguments.devices[side] < 0) refuse("--devices", "a device's number is 0 or more");
    arguments.bench.devices.at(side) = arguments.devices[side];
  }
  if (std::any_of(arguments.sms.begin(), arguments.sms.end(), [](int sms) { return sms < 1; })) {
    refuse("--sms", "must be 1 or more");
  }
  if (arguments.bench.samples < 1) refuse("--samples", "must be at least 1");
  if (arguments.bench.repeats < 1) refuse("--repeats", "must be at least 1");
  if (arguments.bench.timeout_s < 1) refuse("--timeout", "must be at least 1");
}

/// The exit code, if there is nothing to measure.
std::optional<int> parse(int argc, char** argv, Arguments& arguments) {
  CLI::App app("Measures what two GPUs of one process can do at most.", "link_perf");
  app.add_option("--devices", arguments.devices, "two CUDA devices; twice the same: its own memory, and no link")
      ->delimiter(',');
  app.add_option("--bytes", arguments.bytes, "size of each copy (K, M, G)");
  app.add_option("--sms", arguments.sms, "numbers of SMs that copies take")->delimiter(',');
  app.add_option("--samples", arguments.bench.samples, "of each measurement; the median is shown");
  app.add_option("--repeats", arguments.bench.repeats, "copies of each sample");
  app.add_option("-T,--timeout", arguments.bench.timeout_s, "give up when something does not end in so many seconds");
  app.add_option("-J,--json", arguments.json_file, "also write the results here, as JSON");
  try {
    app.parse(argc, argv);
    understand(arguments);
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return kExitOk;
  } catch (const CLI::Error& error) {
    std::fprintf(stderr, "link_perf: %s\nTry link_perf --help.\n", error.what());
    return kExitUsage;
  }
  return std::nullopt;
}

Json clocks_json(const LinkBench& bench) {
  Json all = Json::array();
  for (int side = 0; side < 2; ++side) {
    const std::optional<GpuClocks> clocks = gpu_clocks(bench.facts(side).uuid);
    if (!clocks) continue;
    all.push_back({{"sm_mhz", clocks->sm_mhz},
                   {"most_sm_mhz", clocks->most_sm_mhz},
                   {"memory_mhz", clocks->memory_mhz},
                   {"throttle_reasons", clocks->throttle_reasons}});
  }
  return all;
}

class Report {
 public:
  Report(const Arguments& arguments, LinkBench& bench) : bench_(bench) {
    const Provenance from = provenance(true);
    json_ = {{"tool", "link_perf"}, {"gpus", Json::array()}};
    for (int side = 0; side < 2; ++side) {
      const GpuFacts& gpu = bench.facts(side);
      json_["gpus"].push_back(
          {{"device", gpu.ordinal}, {"name", gpu.name}, {"uuid", gpu.uuid}, {"bus_id", gpu.bus_id}});
      std::printf("# Side %d: device %d [%s] %s\n", side, gpu.ordinal, gpu.bus_id.c_str(), gpu.name.c_str());
    }
    if (bench.facts(0).ordinal == bench.facts(1).ordinal) std::puts("# One device: its own memory, and no link");
    json_["host"] = {{"name", host_name()}, {"cpu", cpu_model()}, {"cores", core_count()}};
    json_["provenance"] = provenance_json(from);
    json_["config"] = {
        {"bytes", arguments.bench.bytes}, {"samples", arguments.bench.samples}, {"repeats", arguments.bench.repeats}};
    json_["clocks_before"] = clocks_json(bench);
    json_["bandwidths"] = Json::array();
    std::printf("# %s, driver %s; %zu bytes; medians of %d samples; GB/s of each direction\n", from.cuda.c_str(),
                from.driver.empty() ? "unknown" : from.driver.c_str(), arguments.bench.bytes, arguments.bench.samples);
    std::printf("# %-18s  %4s  %8s  %8s  %6s\n", "method", "SMs", "one way", "both", "#wrong");
  }

  void measure(const MethodRow& method, int sms) {
    const unsigned long long wrong = bench_.count_wrong(method.method, sms);
    wrong_ += wrong;
    const std::vector<double> one_way = bench_.bandwidths(method.method, sms, false);
    const std::vector<double> both_ways = bench_.bandwidths(method.method, sms, true);
    std::printf("  %-18s  %4s  %8.1f  %8.1f  %6llu\n", method.name, method.uses_sms ? std::to_string(sms).c_str() : "-",
                median(one_way), median(both_ways), wrong);
    std::fflush(stdout);
    json_["bandwidths"].push_back({{"method", method.name},
                                   {"sms", method.uses_sms ? Json(sms) : Json(nullptr)},
                                   {"wrong_words", wrong},
                                   {"one_way_gbps", median(one_way)},
                                   {"both_ways_gbps", median(both_ways)},
                                   {"one_way_samples_gbps", one_way},
                                   {"both_ways_samples_gbps", both_ways}});
    if (method.method == Method::local_copy_engine) return;
    most_one_way_ = std::max(most_one_way_, median(one_way));
    most_both_ways_ = std::max(most_both_ways_, median(both_ways));
  }

  void add_times(const char* name, const char* text, const std::vector<double>& samples_us) {
    std::printf("# %-40s %7.3f us\n", text, median(samples_us));
    json_["times"][name] = {{"median_us", median(samples_us)}, {"samples_us", samples_us}};
  }

  /// Whether all bytes were right.
  bool finish(const std::string& json_file) {
    std::printf("# Most in one direction: %.1f GB/s; in each of both: %.1f GB/s\n", most_one_way_, most_both_ways_);
    json_["ceilings"] = {{"one_way_gbps", most_one_way_}, {"both_ways_gbps", most_both_ways_}};
    json_["clocks_after"] = clocks_json(bench_);
    if (!json_file.empty()) {
      std::ofstream file(json_file);
      file << json_.dump(2) << "\n";
      if (!file.flush()) throw std::runtime_error("cannot write " + json_file);
    }
    return wrong_ == 0;
  }

 private:
  LinkBench& bench_;
  Json json_;
  unsigned long long wrong_ = 0;
  double most_one_way_ = 0;
  double most_both_ways_ = 0;
};

int run(const Arguments& arguments) {
  if (const std::string obstacle = gpus().obstacle(); !obstacle.empty()) throw std::runtime_error(obstacle);
  LinkBench bench(arguments.bench);
  std::vector<int> all_sms;
  for (const int sms : arguments.sms) all_sms.push_back(std::min(sms, bench.most_sms()));
  all_sms.erase(std::unique(all_sms.begin(), all_sms.end()), all_sms.end());
  Report report(arguments, bench);
  for (const MethodRow& method : kMethods) {
    for (const int sms : method.uses_sms ? all_sms : std::vector<int>{0}) report.measure(method, sms);
  }
  report.add_times("flag_round_trip", "a flag's round trip, relaxed", bench.round_trips_us(false));
  report.add_times("flag_round_trip_ordered", "a flag's round trip, release and acquire", bench.round_trips_us(true));
  report.add_times("empty_kernel_graph", "an empty kernel, in a graph of 100", bench.empty_kernels_us(true));
  report.add_times("empty_kernel_stream", "an empty kernel, launched", bench.empty_kernels_us(false));
  return report.finish(arguments.json_file) ? kExitOk : kExitWrongValues;
}

}  // namespace
}  // namespace stretto::perf::link

int main(int argc, char** argv) {
  stretto::perf::link::Arguments arguments;
  if (const std::optional<int> code = stretto::perf::link::parse(argc, argv, arguments)) return *code;
  try {
    return stretto::perf::link::run(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "link_perf: %s\n", error.what());
    return stretto::perf::kExitFailure;
  }
}
