#include "frontends/cli/tune_text.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "plan/collective.hpp"

namespace stretto::cli {
namespace {

using Json = nlohmann::ordered_json;

/// Beyond this the cores were others' too much of the time for the figures to be trusted.
constexpr double kBusy = 1.5;

/// Whether the samples told it, or it was left as it was.
bool is_measured(const LinkConstantRow& row) {
  return row.field != &LinkConstants::crossing_message && row.field != &LinkConstants::byte_crossing;
}

std::string constants_table(const TuneReport& report) {
  const LinkConstants defaults;
  std::string text = format("{:<24} {:>12} {:>12} {:>25}\n", "constant", "default", "this machine", "spread");
  for (std::size_t i = 0; i < link_constant_rows().size(); ++i) {
    const LinkConstantRow& row = link_constant_rows()[i];
    const FitSpread& spread = report.fit.spreads[i];
    text += format("{:<24} {:>12} {:>12} {:>25}\n", row.name, defaults.*row.field, report.fit.constants.*row.field,
                   is_measured(row) ? format("{} to {}", spread.least, spread.most) : "not measured");
  }
  return text;
}

std::string predictions_table(const TuneReport& report) {
  std::string text = format("{:<15} {:>12} {:<20} {:>12} {:>12} {:>8} {:>12}\n", "collective", "block_bytes",
                            "algorithm", "predicted_us", "measured_us", "ratio", "defaults_us");
  for (const Prediction& each : report.predictions) {
    const double time_ps = each.measured.sample.time_ps;
    text += format("{:<15} {:>12} {:<20} {:>12.2f} {:>12.2f} {:>8.2f} {:>12.2f}\n",
                   row_of(each.measured.collective).name, each.measured.block_bytes, each.measured.algorithm,
                   each.predicted_ps * 1e-6, time_ps * 1e-6, each.predicted_ps / time_ps, each.by_defaults_ps * 1e-6);
  }
  return text;
}

Json samples_json(const TuneReport& report) {
  Json rows = Json::array();
  for (const Measurement& each : report.measured) {
    const Workload& load = each.sample.load;
    rows.push_back({{"collective", row_of(each.collective).name},
                    {"algorithm", each.algorithm},
                    {"block_bytes", each.block_bytes},
                    {"ranks_per_core", each.sample.ranks_per_core},
                    {"fitted", each.for_fit},
                    {"hops", load.hops.value()},
                    {"steps", load.path.steps.value()},
                    {"copied_bytes", load.path.copied_bytes.value()},
                    {"reduced_bytes", load.path.reduced_bytes.value()},
                    {"time_us", each.sample.time_ps * 1e-6},
                    {"usual_us", each.usual_ps * 1e-6}});
  }
  return rows;
}

std::string gpus_text(const TuneReport& report) {
  std::string text =
      format("\nTwo GPUs: {}\n\n{:<24} {:>12} {:>12}\n", report.gpus.names, "constant", "default", "these GPUs");
  const PairTimes defaults;
  for (const PairTimeRow& row : pair_time_rows()) {
    text += format("{:<24} {:>12} {:>12}\n", row.name, defaults.*row.field, report.gpus.times.*row.field);
  }
  text += format("\n{:<15} {:>12} {:<20} {:>12} {:>12} {:>8} {:>12}\n", "collective", "block_bytes", "protocol",
                 "predicted_us", "measured_us", "ratio", "defaults_us");
  for (const GpuMeasurement& each : report.gpus.measured) {
    if (!each.held_back) continue;
    const double predicted = predicted_ps(each, report.gpus.times);
    text += format("{:<15} {:>12} {:<20} {:>12.2f} {:>12.2f} {:>8.2f} {:>12.2f}\n", row_of(each.collective).name,
                   each.block_bytes, name_of(each.protocol), predicted * 1e-6, each.time_ps * 1e-6,
                   predicted / each.time_ps, predicted_ps(each, defaults) * 1e-6);
  }
  text += format("\nmedian error {:.0f} %; by the defaults {:.0f} %", report.gpu_error_percent(report.gpus.times),
                 report.gpu_error_percent(defaults));
  return text + (report.keeps_gpus ? "\n" : ": the defaults stay\n");
}

Json gpus_json(const TuneReport& report) {
  if (!report.why_no_gpus.empty()) return {{"error", report.why_no_gpus}};
  if (report.gpus.names.empty()) return {};
  const PairTimes defaults;
  Json constants;
  for (const PairTimeRow& row : pair_time_rows()) constants[std::string(row.name)] = report.gpus.times.*row.field;
  Json rows = Json::array();
  for (const GpuMeasurement& each : report.gpus.measured) {
    rows.push_back({{"collective", row_of(each.collective).name},
                    {"block_bytes", each.block_bytes},
                    {"protocol", name_of(each.protocol)},
                    {"fitted", !each.held_back},
                    {"predicted_us", predicted_ps(each, report.gpus.times) * 1e-6},
                    {"measured_us", each.time_ps * 1e-6},
                    {"defaults_us", predicted_ps(each, defaults) * 1e-6}});
  }
  return {{"gpus", report.gpus.names},
          {"constants", constants},
          {"operations", rows},
          {"median_error_percent", report.gpu_error_percent(report.gpus.times)},
          {"median_error_of_defaults_percent", report.gpu_error_percent(defaults)},
          {"kept", report.keeps_gpus}};
}

double median_percent(const TuneReport& report, double (Prediction::*error)() const) {
  std::vector<double> errors;
  for (const Prediction& each : report.predictions) errors.push_back((each.*error)());
  return 100 * median(std::move(errors));
}

}  // namespace

double Prediction::error() const { return std::abs(predicted_ps / measured.sample.time_ps - 1); }
double Prediction::error_of_defaults() const { return std::abs(by_defaults_ps / measured.sample.time_ps - 1); }

double TuneReport::error_percent() const { return median_percent(*this, &Prediction::error); }
double TuneReport::error_of_defaults_percent() const { return median_percent(*this, &Prediction::error_of_defaults); }

double TuneReport::gpu_error_percent(const PairTimes& times) const {
  std::vector<double> errors;
  for (const GpuMeasurement& each : gpus.measured) {
    if (each.held_back) errors.push_back(std::abs(predicted_ps(each, times) / each.time_ps - 1));
  }
  return 100 * median(std::move(errors));
}

std::string tune_to_text(const TuneReport& report) {
  std::string text = format("{}\n{} ranks over shared memory, {} samples in {:.1f} s\n\n{}\n", report.hardware,
                            report.n_ranks, report.measured.size(), report.seconds, constants_table(report));
  text += format("What the planner chooses, at sizes that were not used to fit:\n\n{}\n", predictions_table(report));
  text += format("median error {:.0f} %; by the defaults {:.0f} %\n", report.error_percent(),
                 report.error_of_defaults_percent());
  if (report.usual_to_quiet > kBusy) {
    text += format(
        "others were using the cores: most times are {:.1f} times those that were used; measure again when "
        "the machine is quiet\n",
        report.usual_to_quiet);
  }
  if (!report.gpus.names.empty()) text += gpus_text(report);
  if (!report.why_no_gpus.empty()) {
    text += format("\nTwo GPUs were not measured: {}. (--no-gpus leaves them alone)\n", report.why_no_gpus);
  }
  return report.path.empty() ? text : text + format("written to {}\n", report.path);
}

std::string tune_to_json(const TuneReport& report) {
  Json constants;
  for (std::size_t i = 0; i < link_constant_rows().size(); ++i) {
    const LinkConstantRow& row = link_constant_rows()[i];
    const FitSpread& spread = report.fit.spreads[i];
    constants[std::string(row.name)] = {{"value", report.fit.constants.*row.field},
                                        {"least", spread.least},
                                        {"most", spread.most},
                                        {"measured", is_measured(row)}};
  }
  Json rows = Json::array();
  for (const Prediction& each : report.predictions) {
    rows.push_back({{"collective", row_of(each.measured.collective).name},
                    {"block_bytes", each.measured.block_bytes},
                    {"algorithm", each.measured.algorithm},
                    {"predicted_us", each.predicted_ps * 1e-6},
                    {"measured_us", each.measured.sample.time_ps * 1e-6},
                    {"usual_us", each.measured.usual_ps * 1e-6},
                    {"defaults_us", each.by_defaults_ps * 1e-6}});
  }
  const Json all = {{"hardware", report.hardware},
                    {"ranks", report.n_ranks},
                    {"seconds", report.seconds},
                    {"usual_to_quiet", report.usual_to_quiet},
                    {"constants", constants},
                    {"predictions", rows},
                    {"median_error_percent", report.error_percent()},
                    {"median_error_of_defaults_percent", report.error_of_defaults_percent()},
                    {"samples", samples_json(report)},
                    {"two_gpus", gpus_json(report)},
                    {"file", report.path.empty() ? Json() : Json(report.path)}};
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace stretto::cli
