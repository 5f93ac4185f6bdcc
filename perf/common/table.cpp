// The table, in nccl-tests' form: scripts that read theirs read ours.
#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "perf/common/results.hpp"
#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

[[gnu::format(printf, 1, 2)]] std::string print(const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  return line;
}

/// Seven columns, as many decimals as they hold.
std::string format_time(double us) {
  const int decimals = us >= 10000.0 ? 0 : us >= 100.0 ? 1 : 2;
  return print("%7.*f", decimals, us);
}

/// Scripts that read the table take numbers here: a form that does not exist has none.
std::string format_absent(const Options& options) {
  const std::string statistics = options.iteration_times ? "      nan      nan" : "";
  const std::string rival = options.nccl.empty() ? "" : "      nan     nan     nan     nan";
  const std::string ceiling = options.ceiling_gbps > 0 ? "     nan" : "";
  return "      nan     nan     nan     N/A" + statistics + rival + ceiling;
}

std::string format_measurement(const Measurement& measured, const Options& options) {
  std::string text =
      "  " + format_time(measured.time_us) + print("  %6.2f  %6.2f", measured.algbw_gbps, measured.busbw_gbps);
  text += measured.wrong ? print("  %6llu", static_cast<unsigned long long>(*measured.wrong)) : "     N/A";
  if (options.iteration_times) {
    text += "  " + format_time(measured.median_us.value_or(0)) + "  " + format_time(measured.p95_us.value_or(0));
  }
  if (!options.nccl.empty()) {
    const Rival rival = measured.rival.value_or(Rival{});
    text += "  " + format_time(rival.time_us);
    text += print("  %6.3f  %6.3f  %6.3f", rival.ratio.ratio, rival.ratio.low, rival.ratio.high);
  }
  if (options.ceiling_gbps > 0) text += print("  %6.1f", measured.ceiling_percent.value_or(0));
  return text;
}

/// `text` in the middle of `width` columns.
std::string centred(const std::string& text, std::size_t width) {
  const std::size_t left = (width - text.size()) / 2;
  return std::string(left, ' ') + text + std::string(width - text.size() - left, ' ');
}

std::string format_columns(const Options& options) {
  std::string extra_name = options.iteration_times ? "   median      p95" : "";
  std::string extra_unit = options.iteration_times ? "     (us)     (us)" : "";
  if (!options.nccl.empty()) {
    extra_name += "     NCCL   ratio     low    high";
    extra_unit += "     (us)  (t/t)   (95%)   (95%)";
  }
  if (options.ceiling_gbps > 0) {
    extra_name += "  of the";
    extra_unit += "  link %";
  }
  const std::string names = "     time   algbw   busbw  #wrong" + extra_name;
  const std::string units = "     (us)  (GB/s)  (GB/s)        " + extra_unit;
  std::string text =
      "#\n#" + std::string(49, ' ') + centred("out-of-place", names.size()) + centred("in-place", names.size()) + "\n";
  text += print("# %10s  %12s  %8s  %6s  %6s", "size", "count", "type", "redop", "root") + names + names + "\n";
  text += print("# %10s  %12s  %8s  %6s  %6s", "(B)", "(elements)", "", "", "") + units + units + "\n";
  return text;
}

std::string format_rank(std::size_t rank, const RankInfo& info) {
  std::string text = print("#  Rank %2zu Group  0 Pid %6lld on %10s device %2d ", rank,
                           static_cast<long long>(info.pid), info.host.c_str(), info.device);
  if (info.device < 0) return text + "[host memory]\n";
  return text + "[" + info.gpu_bus_id + "] " + info.gpu + "\n";
}

}  // namespace

double average_busbw(const std::vector<Row>& rows) {
  double sum = 0;
  int measurements = 0;
  for (const Row& row : rows) {
    for (const auto& measured : row.placements) {
      if (measured) sum += measured->busbw_gbps, ++measurements;
    }
  }
  return measurements == 0 ? 0.0 : sum / measurements;
}

std::string format_header(const RunInfo& info, const Options& options) {
  std::string text = "# " + info.tool + ", stretto " + info.version + "\n";
  const std::size_t step = options.step_factor > 1 ? static_cast<std::size_t>(options.step_factor) : options.step_bytes;
  text +=
      print("# nThread %d nGpus %d minBytes %zu maxBytes %zu step: %zu(%s) warmup iters: %d iters: %d agg iters: %d ",
            options.threads, options.gpus, options.min_bytes, options.max_bytes, step,
            options.step_factor > 1 ? "factor" : "bytes", options.warmup, options.iterations, options.aggregate);
  text += print("validation: %d graph: %d\n", options.check, options.graph_launches);
  text += "#\n# Host: " + info.cpu + print(", %d cores", info.cores) +
          "; algorithm: " + (options.algorithm.empty() ? "the planner's choice" : options.algorithm) + "\n";
  text += "#\n# Using devices\n";
  constexpr std::size_t kShown = 16;
  for (std::size_t rank = 0; rank < std::min(kShown, info.ranks.size()); ++rank) {
    text += format_rank(rank, info.ranks[rank]);
  }
  if (info.ranks.size() > kShown) text += print("#  and %zu more\n", info.ranks.size() - kShown);
  if (!info.rival.empty()) {
    text += "#\n# In turns with " + info.rival + ", " + info.rival_path +
            print("; %d turns each; ratio of times, stretto's to its, and Student's t interval of the turns' ratios\n",
                  options.pairs);
  }
  if (options.ceiling_gbps > 0) {
    text += print("#\n# The link: %.1f GB/s in each direction (%s)\n", options.ceiling_gbps, options.ceiling.c_str());
  }
  return text + format_columns(options);
}

std::string format_row(const Row& row, const Options& options) {
  const std::string op(row.reduces ? name_of(row.op) : "none");
  std::string text = print("%12zu  %12zu  %8s  %6s  %6d", row.bytes, row.count,
                           std::string(row_of(row.type).name).c_str(), op.c_str(), row.root);
  for (const auto& measured : row.placements) {
    text += measured ? format_measurement(*measured, options) : format_absent(options);
  }
  if (!row.time_of_day.empty()) text += "  " + row.time_of_day;
  return text + "\n";
}

std::string format_footer(const Summary& summary) {
  const std::uint64_t bad = summary.wrong + summary.out_of_bounds;
  std::string text =
      print("# Out of bounds values : %llu %s\n", static_cast<unsigned long long>(bad), summary.ok() ? "OK" : "FAILED");
  if (summary.out_of_bounds != 0) {
    text += print("# Written outside of the buffers : %llu bytes\n",
                  static_cast<unsigned long long>(summary.out_of_bounds));
  }
  if (!summary.ranks_agree) text += "# Results differ between ranks\n";
  if (summary.communicator_bytes) {
    text += print("# Memory of the communicator : %.1f MiB a process\n",
                  static_cast<double>(*summary.communicator_bytes) / 1048576.0);
  }
  return text + print("# Avg bus bandwidth    : %g \n#\n", summary.average_busbw_gbps);
}

}  // namespace stretto::perf
