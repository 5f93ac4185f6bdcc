#include "tuning/measure.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <memory>

#include "base/affinity.hpp"
#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/text.hpp"
#include "planner/planner.hpp"
#include "tuning/rank_team.hpp"

namespace stretto {
namespace {

constexpr std::array kCollectives = {Collective::all_reduce, Collective::all_gather, Collective::reduce_scatter,
                                     Collective::broadcast, Collective::all_to_all};
// Every other one is held back. Sizes as programs have them, and some that are no powers of two.
constexpr std::array<std::uint64_t, 16> kBlockBytes = {8,       64,         512,     2'048,   6'000,   16'384,
                                                       40'000,  131'072,    262'144, 600'000, 1 << 20, 2'400'000,
                                                       4 << 20, 10'000'000, 1 << 24, 1 << 25};
constexpr int kPasses = 4;
constexpr double kBatchPs = 4e7;  ///< of a batch: the clock's own cost must not count
constexpr std::size_t kMostBatches = 400;
constexpr double kQuietPart = 0.1;
constexpr double kSharedCorePart = 0.05;  ///< of the whole time

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

struct Subject {
  Measurement what;
  std::vector<double> times_ps;
};

/// Time of an operation that few others disturb.
double quantile(std::vector<double> times, double part) {
  const auto at = static_cast<std::ptrdiff_t>(part * static_cast<double>(times.size() - 1));
  std::nth_element(times.begin(), times.begin() + at, times.end());
  return times[static_cast<std::size_t>(at)];
}

std::vector<Subject> subjects_of(const AlgorithmRow& row, const MeasureOptions& options) {
  std::vector<Subject> subjects;
  const LinkModel link = tuned_link({}, 1);
  for (const Collective collective : kCollectives) {
    const PlanSpec spec{collective, row.name, options.n_ranks, row_of(collective).rooted ? 0 : -1,
                        row.channel_multiple};
    if (!row.supports(collective) || row.reach == Reach::groups || row.reach == Reach::trees) continue;
    if (!fits(row, spec, kHostChannels, link)) continue;
    for (std::size_t i = 0; i < kBlockBytes.size() && kBlockBytes[i] <= options.most_bytes; ++i) {
      Subject subject;
      subject.what.collective = collective;
      subject.what.algorithm = row.name;
      subject.what.block_bytes = kBlockBytes[i];
      subject.what.held_back = i % 2 != 0;
      subject.what.for_fit = i % 2 == 0;
      subject.what.sample.load =
          choose_plan(collective, kBlockBytes[i], options.n_ranks, spec.root, kHostChannels, link, row.name)
              .winner()
              .load;
      subjects.push_back(std::move(subject));
    }
  }
  return subjects;
}

/// As many batches as fill the time; how long an operation takes is known from the times before, or tried.
void visit(RankTeam& team, Subject& subject, double slice_ps) {
  const Measurement& what = subject.what;
  if (subject.times_ps.empty()) {
    team.run(what.collective, what.block_bytes, team.n_ranks(), 2);  // binds plans of all roots, touches the memory
    subject.times_ps = team.run(what.collective, what.block_bytes, 1, 3);
  }
  const double expected_ps = std::max(1.0, quantile(subject.times_ps, kQuietPart));
  const auto per_batch = static_cast<std::size_t>(std::clamp(kBatchPs / expected_ps, 1.0, 1000.0));
  const auto batches = static_cast<std::size_t>(
      std::clamp(slice_ps / (expected_ps * static_cast<double>(per_batch)), 2.0, static_cast<double>(kMostBatches)));
  if (subject.times_ps.size() == 3) subject.times_ps.clear();  // of single calls, with the clock's cost in them
  const std::vector<double> times = team.run(what.collective, what.block_bytes, per_batch, batches);
  subject.times_ps.insert(subject.times_ps.end(), times.begin(), times.end());
}

/// This process on one core: the first that it may use.
bool bind_to_one_core() {
  const std::vector<std::size_t> cpus = allowed_cpus();
  if (cpus.empty() || cpus.front() >= CPU_SETSIZE) return false;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpus.front(), &one);
  return sched_setaffinity(0, sizeof one, &one) == 0;
}

/// What the child below does: the times of all subjects, in their order.
std::vector<double> times_on_one_core(const AlgorithmRow& row, const MeasureOptions& options,
                                      std::vector<Subject>& subjects, double slice_ps) {
  if (!bind_to_one_core()) return {};
  std::vector<double> times;
  TeamBuffers buffers(options.n_ranks, options.most_bytes);
  RankTeam team(row.name, options.n_ranks, buffers);
  for (Subject& subject : subjects) {
    visit(team, subject, slice_ps);
    times.push_back(quantile(subject.times_ps, kQuietPart));
    times.push_back(median(subject.times_ps));
  }
  return times;
}

/// Two ranks that wait for one another on one core; few bytes, so that the waits are nearly all of it. In a child that
/// is bound to the core before its first communicator: the library looks at the cores in a thread of its own. To be
/// called while this process has one thread. Nothing where it could not be measured.
std::vector<Measurement> measure_shared_core(double seconds) {
  MeasureOptions two;
  two.most_bytes = 6'000;
  const AlgorithmRow& row = require_algorithm("one_shot", Collective::all_reduce);
  std::vector<Subject> subjects = subjects_of(row, two);
  std::erase_if(subjects, [](const Subject& each) { return each.what.collective == Collective::broadcast; });
  const double slice_ps = 1e12 * seconds / static_cast<double>(subjects.size());
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  const pid_t child = fork();
  if (child == 0) {
    try {
      const std::vector<double> times = times_on_one_core(row, two, subjects, slice_ps);
      const std::size_t bytes = times.size() * sizeof(double);
      _exit(write(ends[1], times.data(), bytes) == static_cast<ssize_t>(bytes) ? 0 : 1);
    } catch (...) {
      _exit(1);
    }
  }
  close(ends[1]);
  std::vector<double> times(2 * subjects.size() + 1);  // one more, so that the end is seen
  std::size_t length = 0;
  for (ssize_t n = 0; (n = read(ends[0], reinterpret_cast<char*>(times.data()) + length,
                                times.size() * sizeof(double) - length)) != 0;) {
    if (n < 0 && errno != EINTR) break;
    length += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  close(ends[0]);
  while (child > 0 && waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  std::vector<Measurement> found;
  if (length != 2 * subjects.size() * sizeof(double)) return found;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    found.push_back(subjects[i].what);
    found.back().for_fit = true;
    found.back().held_back = false;
    found.back().sample.ranks_per_core = 2;
    found.back().sample.time_ps = times[2 * i];
    found.back().usual_ps = times[2 * i + 1];
  }
  return found;
}

}  // namespace

LinkModel tuned_link(const LinkConstants& constants, std::uint32_t ranks_per_core) {
  const Environment environment = Environment::read();
  LinkModel link;
  static_cast<LinkConstants&>(link) = constants;
  link.ranks_per_core = ranks_per_core;
  if (const auto bytes = environment.integer(Knob::shm_slot_bytes); bytes != 0)
    link.slot_bytes = static_cast<std::uint64_t>(bytes);
  if (const auto slots = environment.integer(Knob::shm_slots); slots != 0)
    link.slots = static_cast<std::uint32_t>(slots);
  return link;
}

std::vector<Measurement> measure_host(const MeasureOptions& options, const std::function<void(double)>& progress) {
  const int cores = affinity().n_cores;
  if (options.n_ranks > cores) {
    throw Error(strettoUnsupported,
                format("{} ranks on {} cores: each needs one for itself while it is measured; allow this program more "
                       "cores, or keep the defaults",
                       options.n_ranks, cores));
  }
  std::vector<Measurement> found = measure_shared_core(kSharedCorePart * options.seconds);
  TeamBuffers buffers(options.n_ranks, std::min(options.most_bytes, kBlockBytes.back()));
  std::vector<std::unique_ptr<RankTeam>> teams;
  std::vector<std::vector<Subject>> subjects;
  std::size_t n_subjects = 0;
  for (const AlgorithmRow& row : catalogue()) {
    std::vector<Subject> of_row = subjects_of(row, options);
    if (of_row.empty()) continue;
    n_subjects += of_row.size();
    subjects.push_back(std::move(of_row));
    teams.push_back(std::make_unique<RankTeam>(row.name, options.n_ranks, buffers));
  }
  // Passes over all of them: a minute in which somebody else is busy spoils a part of each, and all of none.
  const double slice_ps = 1e12 * options.seconds / static_cast<double>(n_subjects * kPasses);
  std::size_t visited = 0;
  std::size_t n_fitted = 0;  // too few samples say nothing, however long they take
  const std::size_t least_fitted = link_constant_rows().size();
  const auto start = std::chrono::steady_clock::now();
  for (int pass = 0; pass < kPasses; ++pass) {
    for (std::size_t i = 0; i < teams.size(); ++i) {
      for (Subject& subject : subjects[i]) {
        // On a busy machine all takes longer: the first pass may take twice its time in all, the others what is left.
        const bool is_late = seconds_since(start) > (pass == 0 ? 2 : 1) * options.seconds;
        if (is_late && (pass > 0 || n_fitted >= least_fitted)) continue;
        if (pass == 0 && subject.what.for_fit) ++n_fitted;
        visit(*teams[i], subject, slice_ps);
        progress(static_cast<double>(++visited) / static_cast<double>(n_subjects * kPasses));
      }
    }
  }
  teams.clear();
  for (std::vector<Subject>& of_row : subjects) {
    for (Subject& subject : of_row) {
      if (subject.times_ps.empty()) continue;  // there was no time for it
      subject.what.sample.time_ps = quantile(subject.times_ps, kQuietPart);
      subject.what.usual_ps = median(subject.times_ps);
      found.push_back(std::move(subject.what));
    }
  }
  return found;
}

}  // namespace stretto
