// `stretto simulate`: algorithms on a machine or a cluster that is not at hand. The clock is only asked how long that
// takes here.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <vector>

#include "algorithms/catalogue.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "frontends/cli/commands.hpp"
#include "frontends/cli/simulate_text.hpp"
#include "plan/lower_bound.hpp"
#include "topology/files/cluster_line.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/cluster_network.hpp"

namespace stretto::cli {
namespace {

using topology::ClusterNetwork;

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

/// Of large clusters a run takes ten seconds.
std::vector<std::uint64_t> slots_to_try(std::int32_t n_ranks) {
  constexpr std::int32_t kManyRanks = 4096;
  if (n_ranks > kManyRanks) return {256 << 10, 64 << 10};
  return {4 << 20, 1 << 20, 256 << 10, 64 << 10, 16 << 10};
}

/// "5:200": rank 5, at 200 microseconds.
std::vector<RankAt> ranks_at(const char* option, const std::vector<std::string>& words, std::int32_t n_ranks) {
  std::vector<RankAt> ranks;
  for (const std::string& word : words) {
    Rank rank = -1;
    double microseconds = -1;
    const char* const end = word.data() + word.size();
    const auto number = std::from_chars(word.data(), end, rank);
    const bool has_colon = number.ec == std::errc() && number.ptr != end && *number.ptr == ':';
    const auto time = std::from_chars(has_colon ? number.ptr + 1 : end, end, microseconds);
    const bool is_read = has_colon && time.ec == std::errc() && time.ptr == end;
    if (!is_read || rank < 0 || rank >= n_ranks || !(microseconds >= 0 && microseconds < 1e12)) {
      throw Error(strettoInvalidArgument,
                  format("--{} {}: give a rank from 0 to {}, a colon, and microseconds", option,
                         topology::printable(word), n_ranks - 1),
                  option);
    }
    ranks.push_back({rank, microseconds / 1e6});
  }
  return ranks;
}

SimulationReport::Row simulated(std::string_view algorithm, const SimulateOptions& options,
                                const SimulatedRequest& request, const ClusterNetwork& cluster) {
  Progress progress(algorithm, options.limit_s);
  SimulatedMachine machine;
  machine.latency_s = options.latency_us / 1e6;
  machine.late = ranks_at("late", options.late, cluster.network().n_ranks());
  machine.stops = ranks_at("stop", options.stops, cluster.network().n_ranks());
  machine.slots = options.slots;
  machine.go_on = [&](double part) { return progress(part); };
  const Routes::Way way = [&](std::int32_t from, std::int32_t to) { return cluster.way(from, to); };
  const std::vector<std::uint64_t> slot_bytes =
      options.slot_bytes ? std::vector{*options.slot_bytes} : slots_to_try(cluster.network().n_ranks());
  SimulationReport::Row row{simulate_algorithm(algorithm, request, cluster.network(), way, machine, slot_bytes), ""};
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
  SimulatedRequest request;
  request.collective = collective;
  request.root = root_of(collective, options.root, n_ranks);
  request.block_bytes = options.block_bytes;
  request.channels = options.channels;
  request.groups = network.groups();
  request.on_rails = network.rails();
  request.widths = network.widths();
  request.by_host = network.hosts();
  request.hosts = network.alike_hosts();
  request.rails = network.alike_rails();
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
