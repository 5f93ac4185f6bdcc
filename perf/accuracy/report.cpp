// The table, and the JSON report, whose keys are stable: they are only ever added.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "perf/accuracy/accuracy.hpp"
#include "perf/common/provenance_json.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of_numbers(Numbers numbers) { return kNumbers.at(static_cast<std::size_t>(numbers)); }

Json row_json(const AccuracyRow& row) {
  Json json{{"type", row_of(row.type).name}, {"numbers", name_of_numbers(row.numbers)}, {"library", row.library}};
  if (!row.errors) {
    json["errors"] = nullptr;
    return json;
  }
  json["errors"] = {{"max_ulp", row.errors->max_ulp},
                    {"mean_ulp", row.errors->mean_ulp},
                    {"bias_ulp", row.errors->bias_ulp},
                    {"max_relative", row.errors->max_relative},
                    {"mean_relative", row.errors->mean_relative},
                    {"rounded_percent", row.errors->rounded_percent},
                    {"not_finite", row.errors->not_finite}};
  json["ranks_agree"] = row.ranks_agree;
  json["runs_agree"] = row.runs_agree;
  return json;
}

}  // namespace

std::string format_accuracy_header(const AccuracyInfo& info, const AccuracyOptions& options) {
  std::string text = "# Errors of all-reduced sums against sums in 64 bits: " + std::to_string(info.n_ranks) +
                     " ranks, " + std::to_string(options.elements) + " elements, " + std::to_string(options.runs) +
                     " runs, seed " + std::to_string(options.seed) + "\n";
  const std::string& algorithm = options.common.algorithm;
  text += "# stretto " + info.version + ", algorithm: " + (algorithm.empty() ? "the planner's choice" : algorithm);
  for (std::size_t i = 0; i < info.gpus.size(); ++i) text += (i == 0 ? "; " : ", ") + info.gpus[i];
  if (info.gpus.empty()) text += "; host memory";
  if (!info.rival.empty()) text += "\n# " + info.rival + ": " + info.rival_path;
  text +=
      "\n# ulp: at the true sum or the largest input, whichever is larger; rel: by the sum of the inputs' magnitudes; "
      "rounded: next to the true sum\n";
  text += "#    type     numbers  library    max ulp   mean ulp   bias ulp    max rel   mean rel  rounded  infinite";
  return text + "   ranks    runs\n";
}

std::string format_accuracy_row(const AccuracyRow& row) {
  char line[256];
  const std::string type(row_of(row.type).name);
  const std::string numbers(name_of_numbers(row.numbers));
  if (!row.errors) {
    std::snprintf(line, sizeof line, "%9s  %10s  %7s  not served\n", type.c_str(), numbers.c_str(),
                  row.library.c_str());
    return line;
  }
  const Errors& errors = *row.errors;
  std::snprintf(line, sizeof line, "%9s  %10s  %7s  %9.4g  %9.4g  %9.2g  %9.3g  %9.3g  %6.2f%%  %8llu  %6s  %6s\n",
                type.c_str(), numbers.c_str(), row.library.c_str(), errors.max_ulp, errors.mean_ulp, errors.bias_ulp,
                errors.max_relative, errors.mean_relative, errors.rounded_percent,
                static_cast<unsigned long long>(errors.not_finite), row.ranks_agree ? "same" : "DIFFER",
                row.runs_agree ? "same" : "DIFFER");
  return line;
}

std::string accuracy_json(const AccuracyInfo& info, const AccuracyOptions& options, const Provenance& from,
                          const std::vector<AccuracyRow>& rows) {
  Json table = Json::array();
  for (const AccuracyRow& row : rows) table.push_back(row_json(row));
  const std::string& algorithm = options.common.algorithm;
  Json report{{"tool", "accuracy_perf"},
              {"stretto_version", info.version},
              {"config",
               {{"ranks", info.n_ranks},
                {"elements", options.elements},
                {"runs", options.runs},
                {"seed", options.seed},
                {"algorithm", algorithm.empty() ? Json(nullptr) : Json(algorithm)}}},
              {"gpus", info.gpus},
              {"results", table},
              {"provenance", provenance_json(from)}};
  if (!info.rival.empty()) report["rival"] = {{"name", info.rival}, {"path", info.rival_path}};
  return report.dump(2) + "\n";
}

}  // namespace stretto::perf
