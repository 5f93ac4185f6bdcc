#include "comm/communicator.hpp"

#include <algorithm>
#include <exception>
#include <optional>

#include "base/log.hpp"
#include "base/text.hpp"
#include "bootstrap/bootstrap.hpp"
#include "comm/rendezvous_task.hpp"

namespace stretto {
namespace {

/// Beyond the set-up deadline itself, for its error to travel.
constexpr std::int64_t kSetupGraceNs = 5'000'000'000;
constexpr std::int64_t kGoodbyeNs = 1'000'000'000;

/// Until all have ended their set-up, or one has failed. Each keeps its own deadline; this one is for the case that
/// the service thread could not run.
void await(const std::vector<std::shared_ptr<MembershipTask>>& tasks, const Settings& settings) {
  const std::int64_t deadline_ns = posix_system().now_ns() + settings.setup_timeout_ns + kSetupGraceNs;
  const auto ended = [&] {
    return std::all_of(tasks.begin(), tasks.end(), [](const auto& task) { return task->setup_ended(); }) ||
           std::any_of(tasks.begin(), tasks.end(), [](const auto& task) { return task->setup_failed(); });
  };
  if (Service::of_process().wait_until(ended, deadline_ns)) return;
  throw Error(strettoTimeout,
              "set-up: this process was stopped, or its service thread got no time, beyond the deadline");
}

Membership take(MembershipTask& task) {
  std::optional<Membership> membership;
  Service::of_process().run([&] { membership = task.take_membership(); });
  return std::move(*membership);
}

/// The tasks of a set-up; unless kept, they are dropped together with the rendezvous.
class PendingSetup {
 public:
  explicit PendingSetup(const strettoUniqueId& id) : id_(id) {}
  ~PendingSetup() {
    if (kept_) return;
    end_rendezvous(id_);
    Service::of_process().run([this] {
      for (const auto& task : tasks) {
        if (!task->setup_failed()) task->abandon();  // one that failed still tells others why
      }
    });
  }
  PendingSetup(const PendingSetup&) = delete;
  PendingSetup& operator=(const PendingSetup&) = delete;

  void add(Rank rank, int n_ranks, const Settings& settings) {
    auto task = std::make_shared<MembershipTask>(posix_system(), id_, rank, n_ranks, settings);
    Service::of_process().add(task);
    tasks.push_back(std::move(task));
  }
  void keep() { kept_ = true; }
  const strettoUniqueId& id() const { return id_; }

  std::vector<std::shared_ptr<MembershipTask>> tasks;

 private:
  strettoUniqueId id_;
  bool kept_ = false;
};

/// The error of the first set-up that failed, if one has.
void throw_failure(const PendingSetup& pending) {
  for (const auto& task : pending.tasks) {
    if (task->setup_failed()) take(*task);
  }
}

}  // namespace

std::unique_ptr<Communicator> Communicator::join(const strettoUniqueId& id, int n_ranks, Rank rank,
                                                 const Settings& settings) {
  PendingSetup pending(id);
  pending.add(rank, n_ranks, settings);
  if (n_ranks == 1) end_rendezvous(id);
  await(pending.tasks, settings);
  if (pending.tasks.front()->setup_failed()) pending.keep();  // the rendezvous goes on telling the others
  throw_failure(pending);
  const auto& task = pending.tasks.front();
  auto result = std::unique_ptr<Communicator>(new Communicator(task, take(*task)));
  pending.keep();
  return result;
}

std::vector<std::unique_ptr<Communicator>> Communicator::join_all(int n_ranks, const Settings& settings) {
  PendingSetup pending(start_local_rendezvous());
  for (Rank rank = 0; rank < n_ranks; ++rank) pending.add(rank, n_ranks, settings);
  if (n_ranks == 1) end_rendezvous(pending.id());
  await(pending.tasks, settings);
  throw_failure(pending);
  std::vector<std::unique_ptr<Communicator>> result;
  for (const auto& task : pending.tasks) {
    result.push_back(std::unique_ptr<Communicator>(new Communicator(task, take(*task))));
  }
  pending.keep();
  return result;
}

Communicator::Communicator(std::shared_ptr<MembershipTask> task, Membership membership)
    : task_(std::move(task)), engine_(std::move(membership)), waiter_(spin_polls()) {
  const HostNode& host = engine_.topology().host_of(rank());
  log(LogLevel::info, "event=communicator comm={} rank={} ranks={} host={} host_ranks={} cores={} slots={}x{}",
      engine_.settings().name, rank(), n_ranks(), host.name, host.ranks.size(), host.n_cores,
      engine_.settings().shm_slots, engine_.settings().shm_slot_bytes);
}

Communicator::~Communicator() {
  // This rank passes on what others say. Going before they do would part those beyond it from each other, so it stays
  // for a moment, unless the others are (also) in this process, where the service thread stays on.
  const HostNode& host = engine_.topology().host_of(rank());
  const std::int32_t process = engine_.topology().identity(rank()).process;
  const bool alone = 1 == std::count_if(host.ranks.begin(), host.ranks.end(), [&](Rank other) {
                       return engine_.topology().identity(other).process == process;
                     });
  const auto gone = [&] {
    return task_->goodbye_said() && (!alone || task_->everyone_left() || task_->fault().get() != nullptr);
  };
  Service& service = Service::of_process();
  service.run([&] { task_->leave(completed_); });
  service.wait_until(gone, posix_system().now_ns() + kGoodbyeNs);
}

/// Spinning pays for a few microseconds, and only while every rank has a core of its own: beyond that a yield costs
/// little in comparison, and helps much if the peer was put on the same core.
std::uint32_t Communicator::spin_polls() const {
  constexpr std::uint32_t kPollsPerUs = 20;
  constexpr std::uint32_t kDefaultPolls = 200;
  const std::int64_t asked_us = engine_.settings().spin_us;
  if (asked_us >= 0) return static_cast<std::uint32_t>(asked_us) * kPollsPerUs;
  return engine_.topology().ranks_per_core() > 1 ? 0 : kDefaultPolls;
}

const ErrorInfo* Communicator::run(const Request& request, const void* input, void* output, std::int64_t timeout_ns) {
  if (const ErrorInfo* earlier = reported_.get(); earlier != nullptr) return earlier;
  if (busy_.exchange(true, std::memory_order_acquire)) {
    static const ErrorInfo in_use = [] {
      ErrorInfo info;
      info.code = strettoInvalidUsage;
      info.field = "comm";
      info.text = "two threads use one communicator at once: give each thread its own, or take turns";
      return info;
    }();
    return &in_use;
  }
  struct Release {
    std::atomic<bool>& busy;
    ~Release() { busy.store(false, std::memory_order_release); }
  } release{busy_};

  if (const ErrorInfo* heard = task_->fault().get(); heard != nullptr) return fail_with(*heard);
  const Binding& binding = engine_.bind(request);
  const std::uint64_t operation = engine_.operations();
  flight_.begin(operation, binding.tag);
  const ErrorInfo* error = nullptr;
  try {
    engine_.start(binding, input, output);
    error = wait(timeout_ns != 0 ? timeout_ns : engine_.settings().data_timeout_ns);
  } catch (const std::exception& unexpected) {
    ErrorInfo info = at_this_point(strettoSystemError);
    info.text =
        format("rank {} cannot go on with {} (operation {}): {}", rank(), info.name, info.operation, unexpected.what());
    error = fail(std::move(info));
  }
  flight_.end(operation, error == nullptr ? FlightState::done : FlightState::faulted);
  if (error == nullptr) ++completed_;
  return error;
}

const ErrorInfo* Communicator::wait(std::int64_t timeout_ns) {
  waiter_.begin();
  std::int64_t start_ns = 0;
  std::uint64_t steps = engine_.executor().steps();
  for (;;) {
    switch (engine_.poll()) {
      case Progress::done:
        return nullptr;
      case Progress::faulted:
        return fail(engine_.executor().fault());
      case Progress::running:
        break;
    }
    if (const ErrorInfo* heard = task_->fault().get(); heard != nullptr) return fail_with(*heard);
    if (const std::uint64_t now = engine_.executor().steps(); now != steps) {
      steps = now;
      waiter_.progressed();
    }
    if (waiter_.pause()) {
      if (start_ns == 0) start_ns = posix_system().now_ns();
      if (const ErrorInfo* error = check_peers(start_ns, timeout_ns); error != nullptr) return error;
    }
  }
}

/// Peers that we wait for and that have left, and the deadline.
const ErrorInfo* Communicator::check_peers(std::int64_t start_ns, std::int64_t timeout_ns) {
  const std::vector<Blocked> blocked = engine_.executor().blocked();
  for (const Blocked& at : blocked) {
    if (at.peer < 0 || !task_->left_before(at.peer, engine_.operations())) continue;
    ErrorInfo info = at_this_point(strettoRemoteError);
    info.peer = at.peer;
    info.step = at.step;
    info.host = engine_.topology().identity(at.peer).host_name;
    info.text = format(
        "rank {} waits for rank {} on host {} in {} (operation {}), but that rank has destroyed its "
        "communicator: every rank must make the same calls",
        rank(), info.peer, info.host, info.name, info.operation);
    return fail(std::move(info));
  }
  if (posix_system().now_ns() - start_ns < timeout_ns) return nullptr;
  ErrorInfo info = at_this_point(strettoTimeout);
  info.text = format(
      "rank {} has waited {} ms for rank {} on host {} in {} (operation {}, step {}): it has not made this "
      "call, or is stopped or slow. Raise STRETTO_DATA_TIMEOUT_MS if that is expected",
      rank(), timeout_ns / 1'000'000, info.peer, info.host, info.name, info.operation, info.step);
  return fail(std::move(info));
}

/// Who we are, and where in which operation; `peer` is the first that we wait for. Between operations: the next one.
ErrorInfo Communicator::at_this_point(strettoResult_t code) const {
  ErrorInfo info;
  info.code = code;
  info.rank = rank();
  const std::vector<FlightRecord> records = flight_.records();
  if (records.empty() || records.back().state != FlightState::running) {
    info.operation = static_cast<std::int64_t>(engine_.operations());
    return info;
  }
  info.operation = static_cast<std::int64_t>(records.back().operation);
  info.name = row_of(static_cast<Collective>(records.back().tag.collective)).name;
  for (const Blocked& at : engine_.executor().blocked()) {
    info.step = at.step;
    info.peer = at.peer;
    break;
  }
  if (info.peer >= 0) info.host = engine_.topology().identity(info.peer).host_name;
  return info;
}

/// A fault that this rank found in its operation: it is everyone's, unless another one was first.
const ErrorInfo* Communicator::fail(ErrorInfo found) {
  if (found.peer >= 0 && found.host.empty()) found.host = engine_.topology().identity(found.peer).host_name;
  if (!task_->fault().set(found)) return fail_with(*task_->fault().get());
  Service::of_process().run([&] { task_->report(found); });
  return settle(found);
}

/// A fault that this rank heard of, in its own words: who hears it, and where it stood.
const ErrorInfo* Communicator::fail_with(const ErrorInfo& heard) {
  const ErrorInfo here = at_this_point(heard.code);
  ErrorInfo info = heard;
  if (heard.peer == rank()) {  // the finder speaks of us: for us, the other side is the finder
    info.peer = heard.rank;
    info.host = heard.rank >= 0 ? engine_.topology().identity(heard.rank).host_name : std::string();
  }
  info.rank = rank();
  info.operation = here.operation;
  info.step = here.step;
  if (!here.name.empty()) info.name = here.name;
  info.text = here.name.empty() ? format("rank {} before operation {}: {}", rank(), here.operation, heard.text)
                                : format("rank {} in {} (operation {}, step {}): {}", rank(), here.name, here.operation,
                                         here.step, heard.text);
  return settle(info);
}

/// Ends the current operation, if any, and keeps the error for all later calls.
const ErrorInfo* Communicator::settle(const ErrorInfo& info) {
  engine_.give_up();
  if (reported_.set(info)) {
    log(LogLevel::warn, "event=fault comm={} rank={} peer={} code={} operation={} step={} text=\"{}\"",
        engine_.settings().name, info.rank, info.peer, static_cast<int>(info.code), info.operation, info.step,
        info.text);
    log_flight();
  }
  return reported_.get();
}

/// What this rank did last, oldest first, for whoever reads the log after a fault.
void Communicator::log_flight() const {
  constexpr std::size_t kLines = 16;
  if (!log_enabled(LogLevel::info)) return;
  const std::vector<FlightRecord> records = flight_.records();
  const std::uint64_t now = flight_ticks();
  for (std::size_t i = records.size() > kLines ? records.size() - kLines : 0; i < records.size(); ++i) {
    const FlightRecord& record = records[i];
    log(LogLevel::info, "event=flight comm={} rank={} state={} ticks_ago={} {}", engine_.settings().name, rank(),
        to_string(record.state), now - record.start_ticks, to_string(record.tag));
  }
}

const ErrorInfo* Communicator::fault() const {
  if (const ErrorInfo* reported = reported_.get(); reported != nullptr) return reported;
  return task_->fault().get();
}

void Communicator::abort() {
  ErrorInfo info;
  info.code = strettoAborted;
  info.rank = rank();
  info.text = format("rank {} was told to abort its communicator", rank());
  if (!task_->fault().set(info)) return;
  info.code = strettoRemoteError;
  info.peer = rank();
  info.host = engine_.topology().identity(rank()).host_name;
  info.text = format("rank {} on host {} aborted the communicator", rank(), info.host);
  Service::of_process().run([&] { task_->report(info); });
}

}  // namespace stretto
