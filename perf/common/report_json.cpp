// The JSON report. Keys are stable: they are only ever added.
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "perf/common/provenance_json.hpp"
#include "perf/common/results.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json measurement_json(const std::optional<Measurement>& measured) {
  if (!measured) return nullptr;
  Json json{{"time_us", measured->time_us},
            {"algbw_gbps", measured->algbw_gbps},
            {"busbw_gbps", measured->busbw_gbps},
            {"wrong", or_null(measured->wrong)}};
  if (measured->median_us) json["median_us"] = *measured->median_us;
  if (measured->p95_us) json["p95_us"] = *measured->p95_us;
  if (!measured->samples_us.empty()) json["samples_us"] = measured->samples_us;
  if (measured->ceiling_percent) json["ceiling_percent"] = *measured->ceiling_percent;
  if (const auto& rival = measured->rival) {
    json["rival"] = {{"time_us", rival->time_us},        {"wrong", or_null(rival->wrong)},
                     {"samples_us", rival->samples_us},  {"ratio", rival->ratio.ratio},
                     {"ratio_95_low", rival->ratio.low}, {"ratio_95_high", rival->ratio.high}};
  }
  return json;
}

Json row_json(const Row& row) {
  Json json{{"size_bytes", row.bytes},
            {"count", row.count},
            {"type", row_of(row.type).name},
            {"redop", row.reduces ? Json(name_of(row.op)) : Json(nullptr)},
            {"root", row.root},
            {"out_of_place", measurement_json(row.placements[0])},
            {"in_place", measurement_json(row.placements[1])}};
  if (row.clocks.empty()) return json;
  Json clocks = Json::array();
  for (const GpuClocks& gpu : row.clocks) {
    clocks.push_back({{"sm_mhz", gpu.sm_mhz},
                      {"most_sm_mhz", gpu.most_sm_mhz},
                      {"memory_mhz", gpu.memory_mhz},
                      {"throttle_reasons", gpu.throttle_reasons}});
  }
  json["clocks"] = clocks;
  return json;
}

Json rank_json(const RankInfo& rank) {
  Json json{{"pid", rank.pid}, {"host", rank.host}};
  if (rank.device < 0) return json;
  json["device"] = rank.device;
  json["gpu"] = rank.gpu;
  json["gpu_uuid"] = rank.gpu_uuid;
  json["gpu_bus_id"] = rank.gpu_bus_id;
  return json;
}

/// How the ranks on GPUs were timed.
Json gpu_config(const RunInfo& info, const Options& options) {
  Json json{{"ranks_per_thread", options.gpus},
            {"graph_replays", options.graph_launches},
            {"operations_per_graph",
             options.graph_launches > 0 ? Json(options.iterations * options.aggregate) : Json(nullptr)}};
  if (!options.nccl.empty()) {
    json["rival"] = info.rival;
    json["rival_path"] = info.rival_path;
    json["turns"] = options.pairs;
    json["interval"] = "Student's t over the logarithms of the turns' ratios of medians";
  }
  return json;
}

}  // namespace

double ceiling_gbps(const std::string& number_or_file) {
  char* end = nullptr;
  const double number = std::strtod(number_or_file.c_str(), &end);
  if (end != number_or_file.c_str() && *end == '\0') {
    if (number > 0 && number < 1e6) return number;
    throw std::runtime_error("--ceiling: " + number_or_file + " GB/s is no link's bandwidth");
  }
  std::ifstream file(number_or_file);
  if (!file) throw std::runtime_error("--ceiling: '" + number_or_file + "' is no number, and no file that can be read");
  const Json report = Json::parse(file, nullptr, false);
  const auto place = Json::json_pointer("/ceilings/both_ways_gbps");
  if (report.is_discarded() || !report.contains(place) || !report[place].is_number() || !(report[place] > 0.0)) {
    throw std::runtime_error("--ceiling: " + number_or_file + " is no JSON of link_perf's");
  }
  return report[place].get<double>();
}

std::string to_json(const RunInfo& info, const Options& options, const std::vector<Row>& rows, const Summary& summary) {
  static constexpr std::array kAverages{"rank 0", "mean", "fastest", "slowest"};
  Json ranks = Json::array();
  for (const RankInfo& rank : info.ranks) ranks.push_back(rank_json(rank));
  Json table = Json::array();
  for (const Row& row : rows) table.push_back(row_json(row));
  Json report{{"tool", info.tool},
              {"stretto_version", info.version},
              {"machine", {{"cpu", info.cpu}, {"cores", info.cores}}},
              {"config",
               {{"ranks", info.ranks.size()},
                {"threads", options.threads},
                {"iterations", options.iterations},
                {"aggregate", options.aggregate},
                {"warmup", options.warmup},
                {"check", options.check},
                {"check_most_bytes", options.check_most_bytes == SIZE_MAX ? Json() : Json(options.check_most_bytes)},
                {"time_of", kAverages.at(static_cast<std::size_t>(options.average))},
                {"clock", options.cpu_time ? "cpu" : "wall"},
                {"algorithm", options.algorithm.empty() ? Json(nullptr) : Json(options.algorithm)}}},
              {"ranks", ranks},
              {"results", table},
              {"out_of_bounds", {{"count", summary.wrong + summary.out_of_bounds}, {"okay", summary.ok()}}},
              {"ranks_agree", summary.ranks_agree},
              {"communicator_bytes", or_null(summary.communicator_bytes)},
              {"average_bus_bandwidth", summary.average_busbw_gbps}};
  if (options.ceiling_gbps > 0) report["ceiling"] = {{"gbps", options.ceiling_gbps}, {"source", options.ceiling}};
  if (options.on_gpus) report["gpus"] = gpu_config(info, options);
  if (info.provenance) {
    report["provenance"] = provenance_json(*info.provenance);
    report["provenance"]["seed"] = info.seed;
  }
  return report.dump(2) + "\n";
}

}  // namespace stretto::perf
