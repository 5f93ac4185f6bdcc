// The JSON report. Keys are stable: they are only ever added.
#include <nlohmann/json.hpp>

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
  return json;
}

Json row_json(const Row& row) {
  return {{"size_bytes", row.bytes},
          {"count", row.count},
          {"type", row_of(row.type).name},
          {"redop", row.reduces ? Json(name_of(row.op)) : Json(nullptr)},
          {"root", row.root},
          {"out_of_place", measurement_json(row.placements[0])},
          {"in_place", measurement_json(row.placements[1])}};
}

}  // namespace

std::string to_json(const RunInfo& info, const Options& options, const std::vector<Row>& rows, const Summary& summary) {
  static constexpr std::array kAverages{"rank 0", "mean", "fastest", "slowest"};
  Json ranks = Json::array();
  for (const RankInfo& rank : info.ranks) ranks.push_back({{"pid", rank.pid}, {"host", rank.host}});
  Json table = Json::array();
  for (const Row& row : rows) table.push_back(row_json(row));
  const Json report{{"tool", info.tool},
                    {"stretto_version", info.version},
                    {"machine", {{"cpu", info.cpu}, {"cores", info.cores}}},
                    {"config",
                     {{"ranks", info.ranks.size()},
                      {"threads", options.threads},
                      {"iterations", options.iterations},
                      {"aggregate", options.aggregate},
                      {"warmup", options.warmup},
                      {"check", options.check},
                      {"time_of", kAverages.at(static_cast<std::size_t>(options.average))},
                      {"clock", options.cpu_time ? "cpu" : "wall"},
                      {"algorithm", options.algorithm.empty() ? Json(nullptr) : Json(options.algorithm)}}},
                    {"ranks", ranks},
                    {"results", table},
                    {"out_of_bounds", {{"count", summary.wrong + summary.out_of_bounds}, {"okay", summary.ok()}}},
                    {"ranks_agree", summary.ranks_agree},
                    {"communicator_bytes", or_null(summary.communicator_bytes)},
                    {"average_bus_bandwidth", summary.average_busbw_gbps}};
  return report.dump(2) + "\n";
}

}  // namespace stretto::perf
