// `stretto simulate`: algorithms on a machine or a cluster that is not at hand. The clock is only asked how long that
// takes here.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "algorithms/catalogue.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "frontends/cli/simulate_text.hpp"
#include "plan/lower_bound.hpp"
#include "topology/files/cluster_line.hpp"
#include "topology/graph/cluster_network.hpp"
#include "topology/graph/host_kinds.hpp"

namespace stretto::cli {
namespace {

using topology::ClusterNetwork;

topology::Machine machine_of_kind(const std::string& kind) {
  const topology::HostKindRow* row = topology::find_host_kind(kind);
  return row != nullptr ? row->make() : machine_from_file(kind);
}

topology::Cluster cluster_of(const SimulateOptions& options) {
  topology::ClusterSpec spec;
  if (!options.cluster) {
    if (!options.file) {
      throw Error(strettoInvalidArgument,
                  "simulate needs a machine: --topology FILE, or --cluster LINE as \"2 hosts x dgx-h100\"", "cluster");
    }
    spec.hosts.push_back({1, *options.file, 1});
    return topology::make_cluster(spec, machine_from_file);
  }
  spec = topology::parse_cluster_line(*options.cluster);
  return topology::make_cluster(spec, machine_of_kind);
}

std::int32_t ranks_of(const SimulateOptions& options, const topology::Cluster& cluster) {
  const std::int64_t most = cluster.n_ranks();
  const std::int64_t n_ranks = options.n_ranks.value_or(static_cast<int>(std::min<std::int64_t>(most, 1 << 30)));
  if (n_ranks <= most) return static_cast<std::int32_t>(n_ranks);
  throw Error(strettoInvalidArgument,
              format("there are {} ranks, and not {}: say more hosts with --cluster \"N x FILE\"", most, n_ranks),
              "ranks");
}

/// How far an algorithm is, on a terminal; and whether it may go on.
class Progress {
 public:
  Progress(std::string_view algorithm, double limit_s) : algorithm_(algorithm), limit_s_(limit_s) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (shown_) std::fprintf(stderr, "\r%*s\r", kWidth, "");
  }

  bool operator()(double part) {
    const double passed_s = std::chrono::duration<double>(Clock::now() - begin_).count();
    if (passed_s > kFirst_s && is_terminal_ && passed_s > last_s_ + kBetween_s) {
      std::fprintf(stderr, "\r%-20.*s %5.1f%% after %.0f s", static_cast<int>(algorithm_.size()), algorithm_.data(),
                   100 * part, passed_s);
      shown_ = true;
      last_s_ = passed_s;
    }
    return passed_s <= limit_s_;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kFirst_s = 1;
  static constexpr double kBetween_s = 0.2;
  static constexpr int kWidth = 48;

  std::string_view algorithm_;
  double limit_s_;
  Clock::time_point begin_ = Clock::now();
  double last_s_ = 0;
  bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool shown_ = false;
};

SimulationReport::Row simulated(std::string_view algorithm, const SimulateOptions& options,
                                const SimulatedRequest& request, const ClusterNetwork& cluster) {
  Progress progress(algorithm, options.limit_s);
  SimulatedMachine machine;
  machine.latency_s = options.latency_us / 1e6;
  machine.slot_bytes = options.slot_bytes;
  machine.slots = options.slots;
  machine.go_on = [&](double part) { return progress(part); };
  const Routes::Way way = [&](std::int32_t from, std::int32_t to) { return cluster.way(from, to); };
  SimulationReport::Row row{simulate_algorithm(algorithm, request, cluster.network(), way, machine), ""};
  if (row.simulated.busiest.from >= 0) {
    row.busiest = cluster.network().vertex(row.simulated.busiest.from).name + " -> " +
                  cluster.network().vertex(row.simulated.busiest.to).name;
  }
  return row;
}

}  // namespace

void print_simulation(const SimulateOptions& options) {
  const Collective collective = collective_of(options.collective);
  const topology::Cluster cluster = cluster_of(options);
  const std::int32_t n_ranks = ranks_of(options, cluster);
  const ClusterNetwork network(cluster, n_ranks);
  const SimulatedRequest request{collective,           root_of(collective, options.root, n_ranks),
                                 options.block_bytes,  options.channels,
                                 network.groups(),     network.alike_hosts(),
                                 network.alike_rails()};
  SimulationReport report;
  report.where = options.cluster.value_or(options.file.value_or(""));
  report.collective = collective;
  report.n_ranks = n_ranks;
  report.n_hosts = network.host_of().back() + 1;
  report.block_bytes = options.block_bytes;
  report.least_seconds = least_seconds(collective, request.root, options.block_bytes, network.network(),
                                       {network.unlike(), network.partitions()});
  for (const std::string_view algorithm : algorithms_for(collective)) {
    if (options.algorithm != "all" && options.algorithm != algorithm) continue;
    report.rows.push_back(simulated(algorithm, options, request, network));
  }
  if (report.rows.empty()) require_algorithm(options.algorithm, collective);  // says which ones can
  sort_rows(report);
  print(options.json ? simulation_to_json(report) : simulation_to_text(report));
}

}  // namespace stretto::cli
