// How far all-reduced sums of floats are from the true ones, whether all ranks and all runs give the same bits, and the
// same of NCCL beside it. For each type and kind of numbers a row; ranks as for the other tools.
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <thread>

#include "perf/accuracy/measure.hpp"
#include "perf/accuracy/options.hpp"
#include "perf/common/launcher.hpp"

namespace stretto::perf {
namespace {

using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Opened before the run: a path that cannot be written is better known then.
File open_report(const std::string& path) {
  File file(path.empty() ? nullptr : std::fopen(path.c_str(), "w"), std::fclose);
  if (!path.empty() && !file) throw std::runtime_error("cannot write " + path + ": " + std::strerror(errno));
  return file;
}

void write_report(File file, const std::string& text) {
  if (!file) return;
  const bool written = std::fwrite(text.data(), 1, text.size(), file.get()) == text.size();
  if (std::fclose(file.release()) != 0 || !written) throw std::runtime_error("cannot write the report (-J)");
}

/// What a thread's ranks do. Bits of stretto's that differ between ranks or runs are a failure; NCCL's are its own.
int run_thread(const AccuracyOptions& options, Seats seats, Watchdog& watchdog) {
  AccuracyBench bench(options, std::move(seats), watchdog);
  const bool prints = bench.has_first_rank();
  File report = open_report(prints ? options.common.json_file : "");
  const AccuracyInfo info = bench.info();
  if (prints) std::fputs(format_accuracy_header(info, options).c_str(), stdout);
  std::vector<AccuracyRow> rows;
  bool same_bits = true;
  for (const strettoDataType_t type : options.types) {
    for (const Numbers numbers : {Numbers::normal, Numbers::cancelling}) {
      for (const bool rival : {false, true}) {
        if (rival && options.common.nccl.empty()) continue;
        rows.push_back(bench.measure(type, numbers, rival));
        if (!rival) same_bits &= rows.back().ranks_agree && rows.back().runs_agree;
        if (prints) std::fputs(format_accuracy_row(rows.back()).c_str(), stdout);
      }
    }
  }
  if (prints) {
    std::printf("# Bits are the same on all ranks and in all runs: %s\n", same_bits ? "OK" : "FAILED");
    if (report) write_report(std::move(report), accuracy_json(info, options, provenance(options.common.on_gpus), rows));
  }
  bench.close();
  return same_bits ? kExitOk : kExitWrongValues;
}

int run_ranks(const AccuracyOptions& options, const World& world) {
  const Options& common = options.common;
  Watchdog watchdog(common.timeout_s,
                    "accuracy_perf: no operation ended within " + std::to_string(common.timeout_s) + " s (-T)",
                    kExitTimeout);
  strettoUniqueId id{};
  if (world.process == 0) id = make_unique_id();
  if (world.n_processes > 1) world.share(id.internal);
  std::mutex mutex;
  int code = kExitOk;
  const auto body = [&](int thread) {
    int mine = kExitFailure;
    try {
      mine = run_thread(options, take_seats(common, world, id, thread), watchdog);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "accuracy_perf: process %d, thread %d: %s\n", world.process, thread, error.what());
    }
    const std::lock_guard lock(mutex);
    if (code == kExitOk) code = mine;
  };
  std::vector<std::thread> threads;
  for (int i = 1; i < common.threads; ++i) threads.emplace_back(body, i);
  body(0);
  for (std::thread& thread : threads) thread.join();
  return code;
}

int run(const AccuracyOptions& options, const std::vector<std::string>& arguments) {
  const ChildSlot slot = options.common.child;
  if (slot.index < 0 && options.common.processes > 1) return launch(options.common.processes, arguments);
  if (slot.index < 0) return run_ranks(options, {});
  return run_ranks(options, {slot.index, options.common.processes, false, [slot](char* message) {
                               slot.index == 0 ? send_message(slot, message) : receive_message(slot, message);
                             }});
}

int run_main(const std::vector<std::string>& arguments) {
  const auto parsed = parse_accuracy_options(arguments);
  if (const auto* refusal = std::get_if<Refusal>(&parsed)) {
    std::fputs(refusal->text.c_str(), refusal->code == kExitOk ? stdout : stderr);
    return refusal->code;
  }
  const AccuracyOptions& options = std::get<AccuracyOptions>(parsed);
  try {
    const std::string obstacle = gpu_obstacle(options.common);
    if (!obstacle.empty()) throw std::runtime_error(obstacle);
    return run(options, arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "accuracy_perf: %s\n", error.what());
    return kExitFailure;
  }
}

}  // namespace
}  // namespace stretto::perf

int main(int argc, char** argv) { return stretto::perf::run_main(std::vector<std::string>(argv + 1, argv + argc)); }
