#include "perf/common/options.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cmath>

#include "perf/common/types.hpp"

namespace stretto::perf {
namespace {

constexpr std::size_t kMostSizes = 100'000;
constexpr int kMostSamples = 1'000'000;

/// What the command line holds before it is understood.
struct Raw {
  std::string min_bytes = "32M", max_bytes = "32M", step_bytes = "1M", check_most;
  std::string op = "sum", type = "float", root = "0", child, device = "host", compare;
  int average = static_cast<int>(Average::slowest), blocking = 0, null_stream = 0;
  int parallel_init = 0, cpu_time = 0, memory_report = 0, iteration_times = 0, timestamps = 0;
  int cta_policy = 0, device_implementation = 0, device_ctas = 0;
};

void declare_sweep(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("-b,--minbytes", raw.min_bytes, "first size (K, M, G)");
  app.add_option("-e,--maxbytes", raw.max_bytes, "last size");
  app.add_option("-i,--stepbytes", raw.step_bytes, "step between sizes");
  app.add_option("-f,--stepfactor", options.step_factor, "factor between sizes, in place of a step");
  app.add_option("-n,--iters", options.iterations, "timed iterations");
  app.add_option("-m,--agg_iters", options.aggregate, "operations per iteration");
  app.add_option("-w,--warmup_iters", options.warmup, "untimed iterations before");
  app.add_option("-N,--run_cycles", options.cycles, "runs of the whole sweep; 0: until stopped");
  app.add_option("-c,--check", options.check, "checked operations per row; 0: none");
  app.add_option("--check-most", raw.check_most,
                 "check no larger sizes than this (K, M, G): values are made on the host");
  app.add_option("-o,--op", raw.op, "sum, prod, max, min, avg, mulsum or all");
  app.add_option("-d,--datatype", raw.type, "element type or all");
  app.add_option("-r,--root", raw.root, "root rank or all");
}

void declare_report(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("-a,--average", raw.average, "time shown: 0 rank 0's, 1 mean, 2 fastest, 3 slowest rank's");
  app.add_option("-C,--report_cputime", raw.cpu_time, "1: CPU time of the rank in place of time that passed");
  app.add_option("-I,--per_iter_timing,--report_iterations", raw.iteration_times,
                 "1: time each iteration; adds median and p95");
  app.add_option("-K,--per_iter_skip", options.skipped_iterations, "first iterations that -I's statistics leave out");
  app.add_option("-S,--report_timestamps", raw.timestamps, "1: the time of day in each row");
  app.add_option("-M,--memory,--memory_report", raw.memory_report, "1: memory that the communicator took");
  app.add_option("-J,--output_file,--json", options.json_file, "also write the results here, as JSON");
}

void declare_run(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--ranks", options.processes, "local processes to start; each has -t ranks");
  app.add_option("-t,--nthreads", options.threads, "ranks of each process, one thread each");
  app.add_option("--algorithm", options.algorithm, "force an algorithm; default: the planner's choice");
  app.add_option("-T,--timeout", options.timeout_s, "give up when nothing ends for so many seconds");
  app.add_option("-u,--unalign", options.unalign, "elements by which buffers miss their alignment");
  app.add_option("-R,--local_register", options.register_buffers, "1: register the buffers");
  app.add_option("-p,--parallel_init", raw.parallel_init, "accepted: set-up is always parallel");
  app.add_option("-z,--blocking", raw.blocking, "1: wait for each operation; on host ranks they always block");
  app.add_option("-y,--stream_null", raw.null_stream, "accepted: host ranks have no streams; 0 only on GPUs");
  app.add_option("-x,--cta_policy", raw.cta_policy, "0 only: there are no such policies in this release");
  app.add_option("-D,--device_implementation", raw.device_implementation,
                 "0 only: there are no such kernels in this release");
  app.add_option("-V,--device_cta_count", raw.device_ctas, "accepted: means something with -D only");
  app.add_option("--child", raw.child)->group("");
}

void declare_gpus(CLI::App& app, Options& options, Raw& raw) {
  app.add_option("--device", raw.device,
                 "host: ranks in host memory; gpu: on CUDA devices, in turn over all of them; or a list of devices "
                 "(0,1 or 0,0), which may repeat one");
  app.add_option("-g,--ngpus", options.gpus, "with --device: ranks of each thread, driven by groups");
  app.add_option("-G,--cudagraph", options.graph_launches,
                 "with --device: replays of a graph of all iterations; the time is a replay's by its operations, the "
                 "median of the replays");
  app.add_option(
      "--ceiling", options.ceiling,
      "what the link can do in each direction, in GB/s, or link_perf's JSON, which has it: adds the per cent "
      "that busbw is of it");
  app.add_option("--compare", raw.compare,
                 "with --device: the library to measure in turns with this one: nccl[=FILE], or "
                 "drop-in=FILE, stretto's libnccl.so.2");
  app.add_option("--pairs", options.pairs, "with --compare: turns of each library");
}

[[noreturn]] void refuse(const std::string& option, const std::string& what) {
  throw CLI::ValidationError(option, what);
}

std::size_t bytes_of(const std::string& option, const std::string& text) {
  const std::optional<std::size_t> bytes = parse_bytes(text);
  if (!bytes) refuse(option, "'" + text + "' is no size; give bytes, or a number with K, M or G");
  return *bytes;
}

void require_at_least(const std::string& option, int value, int least) {
  if (value < least) refuse(option, "must be at least " + std::to_string(least));
}

void understand_choices(const Raw& raw, Options& options) {
  if (raw.op == "all") {
    options.ops.clear();
    for (std::size_t op = 0; op < kOps.size(); ++op) options.ops.push_back(static_cast<strettoRedOp_t>(op));
  } else if (const auto op = op_from_name(raw.op)) {
    options.ops = {*op};
  } else {
    refuse("-o", "'" + raw.op + "' is no operation of this release; give sum, prod, max, min, avg, mulsum or all");
  }
  if (raw.type == "all") {
    options.types.clear();
    for (const TypeRow& row : kTypes) options.types.push_back(row.type);
  } else if (const auto type = type_from_name(raw.type)) {
    options.types = {*type};
  } else {
    std::string names;
    for (const TypeRow& row : kTypes) names += std::string(row.name) + ", ";
    refuse("-d", "'" + raw.type + "' is no element type; give " + names + "or all");
  }
  if (raw.root == "all") {
    options.root = -1;
  } else if (!raw.root.empty() && raw.root.size() < 8 &&
             raw.root.find_first_not_of("0123456789") == std::string::npos) {
    options.root = std::stoi(raw.root);
  } else {
    refuse("-r", "'" + raw.root + "' is no rank; give a number or all");
  }
}

/// "0,1": at most three digits each.
std::vector<int> device_list(const std::string& text) {
  std::vector<int> devices;
  std::string digits;
  for (const char c : text + ",") {
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 && digits.size() < 3) {
      digits += c;
    } else if (c == ',' && !digits.empty()) {
      devices.push_back(std::stoi(digits));
      digits.clear();
    } else {
      refuse("--device", "'" + text + "' is no place for ranks; give host, gpu, or devices as in 0,1");
    }
  }
  return devices;
}

void require_gpus(const Raw& raw, const Options& options) {
  const std::string why = "without --device there are host ranks only in this release: ";
  if (options.gpus != 1) refuse("-g", why + "use --ranks or -t for more of them, or --device gpu");
  if (options.graph_launches != 0) refuse("-G", why + "no graphs to launch; give --device gpu");
  if (raw.cta_policy != 0) refuse("-x", why + "they run on no CTAs");
  if (raw.device_implementation != 0) refuse("-D", why + "no device kernels");
  if (!raw.compare.empty()) refuse("--compare", why + "NCCL has none; give --device gpu");
}

void understand_gpus(const Raw& raw, Options& options) {
  require_at_least("-g", options.gpus, 1);
  require_at_least("-G", options.graph_launches, 0);
  require_at_least("--pairs", options.pairs, 2);
  // Far beyond sense, and far from what numbers and memory can hold.
  if (options.gpus > 1024) refuse("-g", "must be at most 1024");
  if (options.graph_launches > kMostSamples) refuse("-G", "must be at most " + std::to_string(kMostSamples));
  if (options.pairs > 10'000) refuse("--pairs", "must be at most 10000");
  options.on_gpus = raw.device != "host";
  options.blocking = raw.blocking != 0;
  if (!options.on_gpus) return require_gpus(raw, options);
  if (raw.device != "gpu") options.devices = device_list(raw.device);
  if (raw.null_stream != 0) refuse("-y", "each rank on a GPU has a stream of its own here");
  if (raw.cta_policy != 0) refuse("-x", "there are no CTA policies in this release");
  if (raw.device_implementation != 0) refuse("-D", "there are no kernels that call collectives in this release");
  if (raw.iteration_times != 0 && options.iterations > kMostSamples) {
    refuse("-n", "is too many iterations to time each (-I); at most " + std::to_string(kMostSamples));
  }
  if (options.graph_launches > 0) {
    if (options.iterations > kMostSamples / options.aggregate) refuse("-G", "its graph would have too many operations");
    if (options.iterations < 1) refuse("-G", "a graph of no iterations (-n) has nothing to time");
    if (options.blocking) refuse("-z", "operations of a graph (-G) cannot be waited for one by one");
    if (options.cpu_time) refuse("-C", "a graph (-G) is launched, and not called: its CPU time would mislead");
  }
  if (raw.compare.empty()) return;
  const std::string kind = raw.compare.substr(0, raw.compare.find('='));
  const std::string file = raw.compare.size() > kind.size() ? raw.compare.substr(kind.size() + 1) : "";
  options.nccl_is_drop_in = kind == "drop-in";
  if ((kind != "nccl" && !options.nccl_is_drop_in) || (file.empty() && raw.compare != "nccl")) {
    refuse("--compare", "'" + raw.compare + "' is no library to compare with; give nccl, nccl=FILE or drop-in=FILE");
  }
  options.nccl = raw.compare == "nccl" ? "libnccl.so.2" : file;
  if (options.cpu_time || options.blocking) refuse("--compare", "times streams: it goes with neither -C nor -z");
  if (options.iterations < 1) refuse("--compare", "there are no iterations (-n) to time");
}

void understand(const Raw& raw, Options& options) {
  options.min_bytes = bytes_of("-b", raw.min_bytes);
  options.max_bytes = bytes_of("-e", raw.max_bytes);
  options.step_bytes = bytes_of("-i", raw.step_bytes);
  if (!raw.check_most.empty()) options.check_most_bytes = bytes_of("--check-most", raw.check_most);
  if (options.min_bytes > options.max_bytes) refuse("-b", "the first size is larger than the last (-e)");
  if (options.step_factor == 1 && options.step_bytes == 0) refuse("-i", "a step of 0 never ends");
  if (options.step_factor == 1 && (options.max_bytes - options.min_bytes) / options.step_bytes >= kMostSizes) {
    refuse("-i",
           "the sweep has more than " + std::to_string(kMostSizes) + " sizes; take a larger step, or a factor (-f)");
  }
  require_at_least("-f", options.step_factor, 1);
  require_at_least("-n", options.iterations, 0);
  require_at_least("-m", options.aggregate, 1);
  require_at_least("-w", options.warmup, 0);
  require_at_least("-N", options.cycles, 0);
  require_at_least("-c", options.check, 0);
  require_at_least("-t", options.threads, 1);
  require_at_least("-K", options.skipped_iterations, 0);
  if (raw.iteration_times != 0 && options.skipped_iterations >= std::max(1, options.iterations)) {
    refuse("-K", "leaves no iteration (-n) to report");
  }
  require_at_least("-T", options.timeout_s, 0);
  require_at_least("--ranks", options.processes, 0);
  if (options.unalign > 4096) refuse("-u", "must be at most 4096");
  if (raw.average < 0 || raw.average > 3) refuse("-a", "must be 0, 1, 2 or 3");
  options.average = static_cast<Average>(raw.average);
  options.cpu_time = raw.cpu_time != 0;
  options.memory_report = raw.memory_report != 0;
  options.iteration_times = raw.iteration_times != 0;
  options.timestamps = raw.timestamps != 0;
  understand_choices(raw, options);
  understand_gpus(raw, options);
  const std::size_t colon = raw.child.find(':');
  if (colon != std::string::npos) {
    options.child = {std::stoi(raw.child.substr(0, colon)), std::stoi(raw.child.substr(colon + 1))};
  }
}

}  // namespace

std::variant<Options, Refusal> parse_options(const std::string& tool, const std::vector<std::string>& arguments) {
  CLI::App app("Times a collective of stretto and checks every value. Options are those of nccl-tests.", tool);
  Options options;
  Raw raw;
  declare_sweep(app, options, raw);
  declare_report(app, options, raw);
  declare_run(app, options, raw);
  declare_gpus(app, options, raw);
  try {
    // CLI11 takes them last first.
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
    understand(raw, options);
  } catch (const CLI::CallForHelp&) {
    return Refusal{0, app.help()};
  } catch (const CLI::Error& error) {
    return Refusal{2, tool + ": " + error.what() + "\nTry " + tool + " --help.\n"};
  } catch (const std::logic_error&) {  // stoi, of --child
    return Refusal{2, tool + ": a number could not be read\n"};
  }
  return options;
}

std::optional<std::size_t> parse_bytes(const std::string& text) {
  std::size_t used = 0;
  double number = 0;
  if (text.empty() || std::isdigit(static_cast<unsigned char>(text[0])) == 0) return std::nullopt;
  try {
    number = std::stod(text, &used);
  } catch (const std::logic_error&) {
    return std::nullopt;
  }
  std::string unit;
  for (const char c : text.substr(used)) unit += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (unit.size() > 1 && unit.back() == 'b') unit.pop_back();
  double scale = 1;
  if (unit == "k") {
    scale = 1024.0;
  } else if (unit == "m") {
    scale = 1024.0 * 1024.0;
  } else if (unit == "g") {
    scale = 1024.0 * 1024.0 * 1024.0;
  } else if (!unit.empty() && unit != "b") {
    return std::nullopt;
  }
  const double bytes = std::floor(number * scale);
  if (!(bytes <= 1e15)) return std::nullopt;
  return static_cast<std::size_t>(bytes);
}

std::vector<std::size_t> sweep(const Options& options) {
  std::vector<std::size_t> sizes;
  std::size_t bytes = options.min_bytes;
  while (bytes <= options.max_bytes) {
    sizes.push_back(bytes);
    // A factor makes nothing of 0.
    const bool by_factor = options.step_factor > 1 && bytes > 0;
    const std::size_t step = options.step_factor > 1 && bytes == 0 ? 1 : options.step_bytes;
    const std::size_t next = by_factor ? bytes * static_cast<std::size_t>(options.step_factor) : bytes + step;
    if (next <= bytes) break;
    bytes = next;
  }
  return sizes;
}

}  // namespace stretto::perf
