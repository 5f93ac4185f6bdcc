// A process of a run: makes its ranks' communicators, walks the sweep, prints.
#include <bit>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "perf/common/machine.hpp"
#include "perf/common/provenance.hpp"
#include "perf/common/rank_bench.hpp"
#include "perf/common/results.hpp"
#include "perf/common/types.hpp"
#include "perf/common/world.hpp"

namespace stretto::perf {
namespace {

void emit(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

/// Opened before the run: a path that cannot be written is better known then.
class JsonFile {
 public:
  JsonFile(const std::string& path, bool wanted) : path_(path) {
    if (!wanted || path.empty()) return;
    file_.reset(std::fopen(path.c_str(), "w"));
    if (!file_) throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
  }
  void write(const std::string& text) {
    if (!file_) return;
    const bool written = std::fwrite(text.data(), 1, text.size(), file_.get()) == text.size();
    if (!written || std::fclose(file_.release()) != 0) throw std::runtime_error("cannot write " + path_);
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
};

std::vector<Row> run_sweep(RankBench& bench, const Collective& collective, const Options& options, int n_ranks,
                           bool prints) {
  std::vector<Row> rows;
  const std::vector<strettoRedOp_t> ops = collective.reduces ? options.ops : std::vector{strettoSum};
  const bool every_root = collective.rooted && options.root < 0;
  const int first_root = every_root ? 0 : options.root;
  const int last_root = every_root ? n_ranks - 1 : first_root;
  for (const std::size_t bytes : sweep(options)) {
    for (const strettoDataType_t type : options.types) {
      for (const strettoRedOp_t op : ops) {
        for (int root = first_root; root <= last_root; ++root) {
          rows.push_back(bench.measure(bytes, type, op, root));
          if (prints) emit(format_row(rows.back(), options));
        }
      }
    }
  }
  return rows;
}

int run_thread(const Collective& collective, const Options& options, Seats seats, Watchdog& watchdog,
               std::uint64_t bytes_before) {
  RankBench bench(collective, options, std::move(seats), watchdog);
  RunInfo info = bench.gather_info();
  Summary summary;
  if (options.memory_report) {
    summary.communicator_bytes =
        bench.largest(options.on_gpus ? bench.communicator_bytes() : resident_bytes() - bytes_before);
  }
  const bool prints = bench.rank() == 0;
  if (prints && !options.json_file.empty()) info.provenance = provenance(options.on_gpus);
  JsonFile json(options.json_file, prints);
  const auto n_ranks = static_cast<int>(info.ranks.size());
  if (collective.rooted && options.root >= n_ranks) throw std::runtime_error("-r: there is no such rank");
  if (prints) emit(format_header(info, options));
  std::vector<Row> rows;
  const bool serves = !collective.power_of_two || std::has_single_bit(static_cast<unsigned>(n_ranks));
  if (prints && !serves) emit("# nRanks " + std::to_string(n_ranks) + " is not a power of 2, skipping\n");
  for (int cycle = 0; serves && (options.cycles == 0 || cycle < options.cycles); ++cycle) {
    rows = run_sweep(bench, collective, options, n_ranks, prints);
    for (const Row& row : rows) {
      for (const auto& measured : row.placements) summary.wrong += measured ? measured->wrong.value_or(0) : 0;
    }
  }
  summary.out_of_bounds = bench.out_of_bounds();
  summary.ranks_agree = bench.ranks_agree();
  summary.average_busbw_gbps = average_busbw(rows);
  if (prints) {
    emit(format_footer(summary));
    json.write(to_json(info, options, rows, summary));
  }
  bench.close();
  return summary.ok() && !bench.saw_fault() ? kExitOk : kExitWrongValues;
}

/// The first failure of this process' ranks decides its exit code.
class Outcome {
 public:
  void note(int code) {
    const std::lock_guard lock(mutex_);
    if (code_ == kExitOk) code_ = code;
  }
  int code() const { return code_; }

 private:
  std::mutex mutex_;
  int code_ = kExitOk;
};

/// What stands against a run with these options, and its exit code: kExitOk if nothing does.
int find_obstacle(const Collective& collective, Options& options, std::string& obstacle) {
  try {
    if (!options.ceiling.empty()) options.ceiling_gbps = ceiling_gbps(options.ceiling);
  } catch (const std::runtime_error& error) {
    obstacle = error.what();
    return kExitUsage;
  }
  if (collective.in_rounds && options.gpus > 1) {
    obstacle = "-g: its rounds use what those before gave, which no group can hold: use -t or --ranks";
    return kExitUsage;
  }
  obstacle = gpu_obstacle(options);
  return obstacle.empty() ? kExitOk : kExitFailure;
}

}  // namespace

int run_process(const Collective& collective, const Options& options, const World& world) {
  const std::string tool = std::string(collective.name) + "_perf";
  Watchdog watchdog(options.timeout_s,
                    tool + ": process " + std::to_string(world.process) + ": no operation ended within " +
                        std::to_string(options.timeout_s) + " s (-T)",
                    kExitTimeout);
  Outcome outcome;
  const std::uint64_t bytes_before = resident_bytes();
  strettoUniqueId id{};
  const auto thread_body = [&](int thread) {
    try {
      outcome.note(run_thread(collective, options, take_seats(options, world, id, thread), watchdog, bytes_before));
    } catch (const std::exception& error) {
      const int rank = (world.process * options.threads + thread) * options.gpus;
      std::fprintf(stderr, "%s: rank %d: %s\n", tool.c_str(), rank, error.what());
      outcome.note(kExitFailure);
    }
  };
  try {
    if (!world.from_environment) {
      if (world.process == 0) id = make_unique_id();
      if (world.n_processes > 1) world.share(id.internal);
    }
    std::vector<std::thread> threads;
    for (int i = 1; i < options.threads; ++i) threads.emplace_back(thread_body, i);
    thread_body(0);
    for (std::thread& thread : threads) thread.join();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: process %d: %s\n", tool.c_str(), world.process, error.what());
    outcome.note(kExitFailure);
  }
  return outcome.code();
}

std::optional<Options> options_of_main(const Collective& collective, int argc, char** argv, int& code) {
  const std::vector<std::string> arguments(argv + std::min(1, argc), argv + argc);
  auto parsed = parse_options(std::string(collective.name) + "_perf", arguments);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    code = refusal->code;
    std::fputs(refusal->text.c_str(), refusal->code == kExitOk ? stdout : stderr);
    return std::nullopt;
  }
  Options& options = std::get<Options>(parsed);
  std::string obstacle;
  code = find_obstacle(collective, options, obstacle);
  if (code == kExitOk) return options;
  std::fprintf(stderr, "%s_perf: %s\n", collective.name, obstacle.c_str());
  return std::nullopt;
}

}  // namespace stretto::perf
