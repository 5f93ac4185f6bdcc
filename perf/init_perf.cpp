// What a communicator on GPUs costs before it has done anything: time until all ranks of one process have theirs, for
// the first and for those after it, and device memory. Beside NCCL, if asked. CUDA's contexts are there before.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <vector>

#include "perf/common/gpu.hpp"
#include "perf/common/nccl.hpp"
#include "perf/common/options.hpp"
#include "perf/common/provenance_json.hpp"
#include "perf/common/statistics.hpp"
#include "perf/common/world.hpp"

namespace stretto::perf {
namespace {

using Json = nlohmann::ordered_json;
using Ranks = std::vector<std::unique_ptr<RankGpu>>;

struct Arguments {
  int n_ranks = 2;
  int repeats = 5;
  std::string compare;
  std::string json_file;
};

/// A library whose communicators are made and destroyed.
struct Library {
  std::string name;
  std::function<std::vector<strettoComm_t>(const Ranks&)> make;
  std::function<void(strettoComm_t)> destroy;
};

struct Cost {
  double first_ms = 0;
  double later_ms = 0;    ///< median, of communicators made while the first is there
  std::size_t bytes = 0;  ///< of device memory that the second takes, the most of any GPU
};

std::vector<strettoComm_t> make_stretto(const Ranks& ranks) {
  const Calls& calls = stretto_calls();
  strettoUniqueId id;
  calls.check(strettoGetUniqueId(&id), nullptr);
  std::vector<strettoComm_t> comms(ranks.size());
  CallsGroup group(calls, true);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    ranks[rank]->make_current();
    strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
    config.device = ranks[rank]->communicator_device();
    calls.check(
        strettoCommInitRankConfig(&comms[rank], static_cast<int>(ranks.size()), id, static_cast<int>(rank), &config),
        nullptr);
  }
  group.end();
  return comms;
}

std::vector<strettoComm_t> make_nccl(const Nccl& nccl, const Ranks& ranks) {
  const strettoUniqueId id = nccl.make_unique_id();
  std::vector<strettoComm_t> comms(ranks.size());
  CallsGroup group(nccl.calls(), true);
  for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
    ranks[rank]->make_current();
    nccl.join(&comms[rank], static_cast<int>(ranks.size()), id, static_cast<int>(rank));
  }
  group.end();
  return comms;
}

std::vector<std::size_t> free_bytes(const Ranks& ranks) {
  std::vector<std::size_t> bytes;
  for (const auto& rank : ranks) {
    rank->make_current();
    bytes.push_back(rank->free_bytes());
  }
  return bytes;
}

Cost measure(const Library& library, const Ranks& ranks, int repeats) {
  const auto timed = [&](double& ms) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<strettoComm_t> comms = library.make(ranks);
    ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    return comms;
  };
  const auto destroy = [&](const std::vector<strettoComm_t>& comms) {
    for (strettoComm_t comm : comms) library.destroy(comm);
  };
  Cost cost;
  const std::vector<strettoComm_t> first = timed(cost.first_ms);
  std::vector<double> later_ms;
  for (int i = 0; i < repeats; ++i) {
    const std::vector<std::size_t> before = free_bytes(ranks);
    const std::vector<strettoComm_t> comms = timed(later_ms.emplace_back());
    const std::vector<std::size_t> after = free_bytes(ranks);
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      if (before[rank] > after[rank]) cost.bytes = std::max(cost.bytes, before[rank] - after[rank]);
    }
    destroy(comms);
  }
  destroy(first);
  cost.later_ms = median(later_ms);
  return cost;
}

Json run(const Arguments& arguments) {
  if (!gpus().obstacle().empty()) throw std::runtime_error("there are no GPUs: " + gpus().obstacle());
  Ranks ranks;
  for (int rank = 0; rank < arguments.n_ranks; ++rank) {
    ranks.push_back(gpus().open(rank % gpus().count(), 60));
    ranks.back()->make_current();
    ranks.back()->free(ranks.back()->allocate(1));  // the context is not the communicator's cost
  }
  std::vector<Library> libraries;
  libraries.push_back({"stretto", make_stretto, [](strettoComm_t comm) { strettoCommDestroy(comm); }});
  if (!arguments.compare.empty()) {
    const Nccl& nccl = Nccl::load(arguments.compare);
    libraries.push_back({"NCCL " + nccl.version(), [&nccl](const Ranks& all) { return make_nccl(nccl, all); },
                         [&nccl](strettoComm_t comm) { nccl.destroy(comm); }});
  }
  Json rows = Json::array();
  std::printf("# communicators of %d ranks on %d GPUs\n# %-14s %12s %12s %14s\n", arguments.n_ranks, gpus().count(),
              "library", "first ms", "later ms", "MiB a GPU");
  for (const Library& library : libraries) {
    const Cost cost = measure(library, ranks, arguments.repeats);
    std::printf("  %-14s %12.2f %12.2f %14.1f\n", library.name.c_str(), cost.first_ms, cost.later_ms,
                static_cast<double>(cost.bytes) / (1 << 20));
    rows.push_back({{"library", library.name},
                    {"first_ms", cost.first_ms},
                    {"later_ms", cost.later_ms},
                    {"device_bytes", cost.bytes}});
  }
  Json names = Json::array();
  for (const auto& rank : ranks) names.push_back({{"name", rank->facts().name}});
  const Provenance from = provenance(true);
  return {{"tool", "init_perf"},
          {"ranks", arguments.n_ranks},
          {"gpus", names},
          {"rows", rows},
          {"provenance", provenance_json(from)}};
}

int main_of(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("What a communicator on GPUs costs: time to make one, and device memory.", "init_perf");
  app.add_option("-t,--ranks", arguments.n_ranks, "ranks, on all GPUs in turn")->check(CLI::Range(1, 64));
  app.add_option("-n,--repeats", arguments.repeats, "communicators after the first")->check(CLI::Range(1, 1000));
  app.add_option("--compare", arguments.compare, "nccl[=FILE]: the same of NCCL, in this process");
  app.add_option("-J,--json", arguments.json_file, "also write the results here, as JSON");
  try {
    app.parse(argc, argv);
    if (arguments.compare == "nccl") arguments.compare = "libnccl.so.2";
    if (arguments.compare.starts_with("nccl=")) arguments.compare = arguments.compare.substr(5);
    const Json report = run(arguments);
    if (!arguments.json_file.empty()) std::ofstream(arguments.json_file) << report.dump(2) << '\n';
    return kExitOk;
  } catch (const CLI::CallForHelp&) {
    std::fputs(app.help().c_str(), stdout);
    return kExitOk;
  } catch (const CLI::Error& error) {
    std::fprintf(stderr, "init_perf: %s\nTry init_perf --help.\n", error.what());
    return kExitUsage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "init_perf: %s\n", error.what());
    return kExitFailure;
  }
}

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::main_of(argc, argv); }
