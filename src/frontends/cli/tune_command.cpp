// `stretto tune`: measures the constants of the cost model on this machine, says how well they predict, and keeps them.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "frontends/cli/commands.hpp"
#include "frontends/cli/tune_text.hpp"
#include "planner/planner.hpp"
#include "topology/probe/hardware.hpp"
#include "tuning/gpu_pair.hpp"
#include "tuning/measure.hpp"
#include "tuning/tuning_file.hpp"

namespace stretto::cli {
namespace {

/// On a terminal, how far it is.
class Progress {
 public:
  Progress() = default;
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress() {
    if (percent_ >= 0) std::fprintf(stderr, "\r%*s\r", kWidth, "");
  }
  void show(double part) {
    const int percent = static_cast<int>(100 * part);
    if (percent == percent_ || !on_terminal_) return;
    percent_ = percent;
    std::fprintf(stderr, "\rstretto: measuring, %d %%", percent);
  }

 private:
  static constexpr int kWidth = 40;
  bool on_terminal_ = isatty(STDERR_FILENO) == 1;
  int percent_ = -1;
};

/// GPUs have a time of their own, beside that of the ranks on the host.
constexpr double kGpusPart = 0.3;
constexpr std::uint64_t kGpusMoreBytes = 4;  ///< than blocks of the host have

std::string path_of(const TuneOptions& options) {
  if (!options.out.empty()) return options.out;
  if (const std::optional<std::string> cached = cached_tuning_path()) return *cached;
  throw Error(strettoInvalidArgument,
              "there is no folder for the constants: neither XDG_CACHE_HOME nor HOME is set; name a file with --out",
              "out");
}

std::vector<Prediction> predictions_of(const std::vector<Measurement>& measured, int n_ranks,
                                       const LinkConstants& constants) {
  const LinkModel link = tuned_link(constants, 1);
  std::vector<Prediction> found;
  for (const Measurement& each : measured) {
    if (!each.held_back) continue;
    const Rank root = row_of(each.collective).rooted ? 0 : -1;
    const PlanChoice choice = choose_plan(each.collective, each.block_bytes, n_ranks, root, kHostChannels, link, "");
    if (choice.spec.algorithm != each.algorithm) continue;
    const Price by_defaults = price(each.sample.load, tuned_link({}, 1));
    found.push_back({each, static_cast<double>(choice.cost), static_cast<double>(by_defaults.total())});
  }
  std::stable_sort(found.begin(), found.end(), [](const Prediction& a, const Prediction& b) {
    return a.measured.collective < b.measured.collective;
  });
  return found;
}

double usual_to_quiet(const std::vector<Measurement>& measured) {
  std::vector<double> ratios;
  for (const Measurement& each : measured) ratios.push_back(each.usual_ps / each.sample.time_ps);
  return median(std::move(ratios));
}

TuneReport measure(const TuneOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  MeasureOptions asked;
  asked.n_ranks = options.n_ranks;
  asked.seconds = options.seconds;
  asked.most_bytes = options.most_bytes;
  Progress progress;
  const std::vector<Measurement> measured = measure_host(asked, [&](double part) { progress.show(part); });
  std::vector<LinkSample> samples;
  for (const Measurement& each : measured) {
    if (each.for_fit) samples.push_back(each.sample);
  }
  TuneReport report;
  report.hardware = topology::hardware_facts();
  report.n_ranks = options.n_ranks;
  report.measured = measured;
  report.usual_to_quiet = usual_to_quiet(measured);
  report.fit = fit_link(samples, LinkConstants());
  report.predictions = predictions_of(measured, options.n_ranks, report.fit.constants);
  if (options.gpus) {
    const GpuPairOptions gpus{kGpusPart * options.seconds,
                              std::min(kMostGpuBytes, kGpusMoreBytes * options.most_bytes)};
    try {
      report.gpus = measure_gpu_pair(gpus, [&](double part) { progress.show(part); });
    } catch (const Error& error) {
      report.why_no_gpus = error.what();  // the host's constants are worth keeping all the same
    }
    report.keeps_gpus = !report.gpus.names.empty() && (options.force || report.gpu_error_percent(report.gpus.times) <=
                                                                            report.gpu_error_percent(PairTimes()));
  }
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace

void tune(const TuneOptions& options) {
  const std::string path = path_of(options);
  if (Environment::read().text(Knob::debug) != "off") {
    throw Error(strettoInvalidArgument, "STRETTO_DEBUG is set, and what it checks takes time: unset it to measure",
                "STRETTO_DEBUG");
  }
  ::setenv("STRETTO_TUNING_FILE", "off", 1);  // what is measured is not to be warned of
  make_folders_of(path);
  TuneReport report = measure(options);
  if (report.predictions.empty() && !options.force) {
    throw Error(strettoSystemError,
                "nothing is kept: there was no time to measure what predictions are held to; give more --seconds, or "
                "measure when the cores are idle");
  }
  const bool is_better = report.error_percent() <= report.error_of_defaults_percent();
  if (is_better || options.force) {
    report.path = path;
    Tuning tuning{report.hardware, report.fit.constants, report.n_ranks, report.error_percent()};
    if (report.keeps_gpus) tuning.pair_times = report.gpus.times;
    write_tuning(path, tuning);
  } else {
    report.keeps_gpus = false;
  }
  print(options.json ? tune_to_json(report) : tune_to_text(report));
  if (report.path.empty()) {
    throw Error(
        strettoSystemError,
        "nothing is kept, since the defaults predict better: others were using the cores, it seems; measure again "
        "when they are idle, or keep it all the same with --force");
  }
}

}  // namespace stretto::cli
