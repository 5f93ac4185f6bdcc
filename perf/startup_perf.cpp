// What a communicator costs: how long n local ranks take from the first process's start until the last one is up, and
// what each of them then holds (memory, descriptors, threads), before and after all-reduces of all sizes.
//
// Every rank is a process of its own, started anew for each run. It is in step with the launcher: it reports over a
// socket and waits for a word, so that all ranks look at their memory at the same moment and shared pages are counted
// once (Pss). The ranks' own buffers exist before the first look, and so are not counted.
#include <getopt.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "perf/startup_holdings.hpp"
#include "stretto/stretto.h"

namespace {

using stretto::perf::Holdings;
using stretto::perf::look;

constexpr int kWorkerSocket = 3;
constexpr int kPatience_s = 120;

struct Options {
  int ranks = 8;
  int runs = 5;
  std::size_t max_bytes = 1 << 20;
  std::string algorithm;
  std::string json_file;
  int worker = -1;    ///< this process is that rank
  bool look = false;  ///< and looks at what it holds
};

/// What a worker tells at each stage.
struct Report {
  std::int64_t begun_ns = 0;  ///< main was reached
  std::int64_t at_ns = 0;
  Holdings holdings;
  int result = strettoSuccess;
  char text[512] = {};
};

struct Times {
  double up_ms;     ///< from the first process's start to the last rank up
  double begun_ms;  ///< from the first process's start to the last one in main
};

/// A rank's, since before strettoCommInitRank.
struct Growth {
  Holdings up, used;
};

std::int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000LL + now.tv_nsec;
}

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "startup_perf: %s\n", what.c_str());
  std::exit(1);
}

bool send_all(int socket, const void* bytes, std::size_t size) {
  return send(socket, bytes, size, MSG_NOSIGNAL) == static_cast<ssize_t>(size);
}

bool receive_all(int socket, void* bytes, std::size_t size) {
  return recv(socket, bytes, size, MSG_WAITALL) == static_cast<ssize_t>(size);
}

// ---- a worker ----------------------------------------------------------------------------------------------------

/// Tells the launcher and waits for its word.
void in_step(Report& report, strettoComm_t comm, strettoResult_t result) {
  report.result = result;
  if (result != strettoSuccess) std::snprintf(report.text, sizeof report.text, "%s", strettoGetLastError(comm));
  char word = 0;
  const bool told = send_all(kWorkerSocket, &report, sizeof report);
  if (!told || result != strettoSuccess || !receive_all(kWorkerSocket, &word, 1)) std::exit(1);
}

void look_in_step(Report& report, strettoComm_t comm) {
  report.holdings = look();
  in_step(report, comm, strettoSuccess);
}

/// In place, twice per size: x, then n * x, then n * n * x, small whole numbers.
strettoResult_t all_reduce_all_sizes(const Options& options, std::vector<float>& data, strettoComm_t comm) {
  const auto n = static_cast<float>(options.ranks);
  for (std::size_t count = 1; count * sizeof(float) <= options.max_bytes; count *= 2) {
    std::fill_n(data.begin(), count, 1.0F);
    for (int round = 0; round < 2; ++round) {
      const auto result = strettoAllReduce(data.data(), data.data(), count, strettoFloat32, strettoSum, comm, nullptr);
      if (result != strettoSuccess) return result;
    }
    if (!std::all_of(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(count),
                     [n](float value) { return value == n * n; })) {
      fail("wrong values");
    }
  }
  return strettoSuccess;
}

int worker_main(const Options& options) {
  Report report;
  report.begun_ns = now_ns();
  std::vector<float> data;
  if (options.look) data.assign(options.max_bytes / sizeof(float), 1.0F);
  if (options.look) look_in_step(report, nullptr);
  strettoUniqueId id{};
  if (options.worker == 0) {
    if (strettoGetUniqueId(&id) != strettoSuccess) fail(strettoGetLastError(nullptr));
    if (!send_all(kWorkerSocket, &id, sizeof id)) return 1;
  } else if (!receive_all(kWorkerSocket, &id, sizeof id)) {
    return 1;
  }
  strettoConfig_t config = STRETTO_CONFIG_INITIALIZER;
  if (!options.algorithm.empty()) config.algorithm = options.algorithm.c_str();

  strettoComm_t comm = nullptr;
  strettoResult_t result = strettoCommInitRankConfig(&comm, options.ranks, id, options.worker, &config);
  report.at_ns = now_ns();
  in_step(report, nullptr, result);
  if (options.look) {
    look_in_step(report, comm);
    result = all_reduce_all_sizes(options, data, comm);
    in_step(report, comm, result);
    look_in_step(report, comm);
  }
  strettoCommDestroy(comm);
  return 0;
}

// ---- the launcher ------------------------------------------------------------------------------------------------

class Workers {
 public:
  explicit Workers(const Options& options) : options_(options) {}
  ~Workers() {
    for (const Worker& worker : workers_) {
      close(worker.socket);
      if (!ended_) kill(worker.process, SIGKILL);
      waitpid(worker.process, nullptr, 0);
    }
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  void start(const char* program) {
    for (int rank = 0; rank < options_.ranks; ++rank) start_one(program, rank);
  }

  void pass_id() {
    strettoUniqueId id{};
    if (!receive_all(workers_.front().socket, &id, sizeof id)) fail("rank 0 made no id");
    for (std::size_t rank = 1; rank < workers_.size(); ++rank) send_all(workers_[rank].socket, &id, sizeof id);
  }

  /// All ranks' reports of one stage; nobody goes on before all are here.
  std::vector<Report> collect() {
    std::vector<Report> reports(workers_.size());
    for (std::size_t rank = 0; rank < workers_.size(); ++rank) {
      if (!receive_all(workers_[rank].socket, &reports[rank], sizeof(Report))) {
        stop_with("rank " + std::to_string(rank) + " died or was silent for too long");
      }
      if (reports[rank].result != strettoSuccess) stop_with(reports[rank].text);
    }
    return reports;
  }
  void go_on() {
    const char word = 1;
    for (const Worker& worker : workers_) send_all(worker.socket, &word, 1);
  }
  /// The last word: they end by themselves.
  void finish() {
    go_on();
    ended_ = true;
  }

 private:
  struct Worker {
    pid_t process;
    int socket;
  };

  [[noreturn]] void stop_with(const std::string& what) {
    for (const Worker& worker : workers_) kill(worker.process, SIGKILL);
    fail(what);
  }

  void start_one(const char* program, int rank) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("socketpair: raise ulimit -n");
    const timeval patience{kPatience_s, 0};
    setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    std::vector<std::string> words = {program,
                                      "--worker",
                                      std::to_string(rank),
                                      "--ranks",
                                      std::to_string(options_.ranks),
                                      "--max-bytes",
                                      std::to_string(options_.max_bytes)};
    if (options_.look) words.emplace_back("--look");
    if (!options_.algorithm.empty()) words.insert(words.end(), {"--algorithm", options_.algorithm});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const pid_t process = fork();
    if (process == 0) {
      if (dup2(ends[1], kWorkerSocket) >= 0) execv("/proc/self/exe", arguments.data());
      _exit(127);
    }
    close(ends[1]);
    if (process < 0) fail(std::string("fork: ") + std::strerror(errno));
    workers_.push_back({process, ends[0]});
  }

  const Options& options_;
  std::vector<Worker> workers_;
  bool ended_ = false;
};

/// Milliseconds until the last of them.
double last_ms(const std::vector<Report>& reports, std::int64_t Report::*time, std::int64_t start_ns) {
  std::int64_t last_ns = start_ns;
  for (const Report& report : reports) last_ns = std::max(last_ns, report.*time);
  return static_cast<double>(last_ns - start_ns) * 1e-6;
}

Times time_once(const Options& options, const char* program) {
  Workers workers(options);
  const std::int64_t start_ns = now_ns();
  workers.start(program);
  workers.pass_id();
  const std::vector<Report> reports = workers.collect();
  workers.finish();
  return {last_ms(reports, &Report::at_ns, start_ns), last_ms(reports, &Report::begun_ns, start_ns)};
}

/// The most that any rank holds, and of shared memory the mean: who touched a page first says little.
Holdings growth(const std::vector<Report>& before, const std::vector<Report>& after) {
  Holdings most;
  std::int64_t shared_kib = 0;
  for (std::size_t rank = 0; rank < after.size(); ++rank) {
    const Holdings& from = before[rank].holdings;
    const Holdings& to = after[rank].holdings;
    most.private_kib = std::max(most.private_kib, to.private_kib - from.private_kib);
    most.tables_kib = std::max(most.tables_kib, to.tables_kib - from.tables_kib);
    most.descriptors = std::max(most.descriptors, to.descriptors - from.descriptors);
    most.threads = std::max(most.threads, to.threads - from.threads);
    shared_kib += to.shared_kib - from.shared_kib;
  }
  most.shared_kib = shared_kib / static_cast<std::int64_t>(after.size());
  return most;
}

Growth look_once(Options options, const char* program) {
  options.look = true;
  Workers workers(options);
  workers.start(program);
  const std::vector<Report> before = workers.collect();
  workers.go_on();
  workers.pass_id();
  workers.collect();
  workers.go_on();
  const std::vector<Report> up = workers.collect();
  workers.go_on();
  workers.collect();
  workers.go_on();
  const std::vector<Report> used = workers.collect();
  workers.finish();
  return {growth(before, up), growth(before, used)};
}

void print_holdings(const char* when, const Holdings& held) {
  std::printf("  %-24s %9.2f %9.2f %9.2f %12d %8d\n", when, static_cast<double>(held.private_kib) / 1024,
              static_cast<double>(held.shared_kib) / 1024, static_cast<double>(held.tables_kib) / 1024,
              held.descriptors, held.threads);
}

void json_holdings(std::FILE* file, const char* name, const Holdings& held, const char* end) {
  std::fprintf(file,
               "  \"%s\": {\"private_kib\": %lld, \"shared_kib\": %lld, \"page_tables_kib\": %lld, "
               "\"descriptors\": %d, \"threads\": %d}%s\n",
               name, static_cast<long long>(held.private_kib), static_cast<long long>(held.shared_kib),
               static_cast<long long>(held.tables_kib), held.descriptors, held.threads, end);
}

void write_json(const Options& options, const std::vector<double>& up_ms, double begun_ms, double load,
                const Growth& growth) {
  std::FILE* file = std::fopen(options.json_file.c_str(), "w");
  if (file == nullptr) fail("cannot write " + options.json_file);
  std::fprintf(file, "{\n  \"ranks\": %d,\n  \"up_ms\": [", options.ranks);
  for (std::size_t i = 0; i < up_ms.size(); ++i) std::fprintf(file, "%s%.2f", i == 0 ? "" : ", ", up_ms[i]);
  std::fprintf(file, "],\n  \"up_median_ms\": %.2f,\n  \"processes_median_ms\": %.2f,\n", up_ms[up_ms.size() / 2],
               begun_ms);
  std::fprintf(file, "  \"cores\": %ld,\n  \"load\": %.1f,\n  \"max_bytes\": %zu,\n  \"algorithm\": \"%s\",\n",
               sysconf(_SC_NPROCESSORS_ONLN), load, options.max_bytes, options.algorithm.c_str());
  json_holdings(file, "when_up", growth.up, ",");
  json_holdings(file, "after_all_reduces", growth.used, "");
  std::fprintf(file, "}\n");
  std::fclose(file);
}

std::size_t bytes_of(const char* text) {
  char* end = nullptr;
  const std::size_t number = std::strtoull(text, &end, 10);
  const char* const units = "KMG";
  const char* const unit = *end == '\0' ? nullptr : std::strchr(units, *end & ~0x20);
  return unit == nullptr ? number : number << (10 * (unit - units + 1));
}

Options parse(int argc, char** argv) {
  static const option kOptions[] = {
      {"ranks", 1, nullptr, 'n'},     {"runs", 1, nullptr, 'r'}, {"max-bytes", 1, nullptr, 'e'},
      {"algorithm", 1, nullptr, 'a'}, {"json", 1, nullptr, 'j'}, {"worker", 1, nullptr, 'w'},
      {"look", 0, nullptr, 'l'},      {"help", 0, nullptr, 'h'}, {nullptr, 0, nullptr, 0}};
  Options options;
  for (int letter = 0; (letter = getopt_long(argc, argv, "n:r:e:a:j:h", kOptions, nullptr)) != -1;) {
    switch (letter) {
      case 'n':
        options.ranks = std::atoi(optarg);
        break;
      case 'r':
        options.runs = std::atoi(optarg);
        break;
      case 'e':
        options.max_bytes = bytes_of(optarg);
        break;
      case 'a':
        options.algorithm = optarg;
        break;
      case 'j':
        options.json_file = optarg;
        break;
      case 'w':
        options.worker = std::atoi(optarg);
        break;
      case 'l':
        options.look = true;
        break;
      default:
        std::printf(
            "startup_perf: what a communicator of local ranks costs\n"
            "  -n, --ranks N       ranks, each a process (8)\n"
            "  -r, --runs R        runs that are timed (5)\n"
            "  -e, --max-bytes B   largest all-reduce before memory is looked at again (1M)\n"
            "  -a, --algorithm A   of the all-reduces; the planner's choice if not given\n"
            "  -j, --json FILE     the figures, as JSON too\n");
        std::exit(letter == 'h' ? 0 : 2);
    }
  }
  if (options.ranks < 1 || options.runs < 1 || options.max_bytes < sizeof(float)) fail("see --help");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  signal(SIGPIPE, SIG_IGN);
  if (options.worker >= 0) return worker_main(options);
  std::vector<double> up_ms, begun_ms;
  for (int run = 0; run < options.runs; ++run) {
    const Times times = time_once(options, argv[0]);
    up_ms.push_back(times.up_ms);
    begun_ms.push_back(times.begun_ms);
  }
  std::sort(up_ms.begin(), up_ms.end());
  std::sort(begun_ms.begin(), begun_ms.end());
  double load = 0;
  getloadavg(&load, 1);
  const Growth growth = look_once(options, argv[0]);
  std::printf(
      "%d ranks on %ld cores, load %.1f: up after %.1f ms (median of %d; from %.1f to %.1f), of which %.1f ms "
      "went by before the last process had begun\n",
      options.ranks, sysconf(_SC_NPROCESSORS_ONLN), load, up_ms[up_ms.size() / 2], options.runs, up_ms.front(),
      up_ms.back(), begun_ms[begun_ms.size() / 2]);
  std::printf(
      "a rank's growth           private    shared    tables  descriptors  threads\n"
      "                              MiB       MiB       MiB\n");
  print_holdings("when up", growth.up);
  print_holdings("after all-reduces", growth.used);
  if (!options.json_file.empty()) write_json(options, up_ms, begun_ms[begun_ms.size() / 2], load, growth);
  return 0;
}
