#include "comm/launched.hpp"

#include <algorithm>
#include <atomic>
#include <memory>

#include "base/ancestors.hpp"
#include "base/fork.hpp"
#include "base/log.hpp"
#include "base/secret_file.hpp"
#include "base/system.hpp"
#include "base/text.hpp"
#include "bootstrap/meeting.hpp"
#include "comm/rendezvous_task.hpp"
#include "comm/service.hpp"
#include "comm/starting.hpp"

namespace stretto {
namespace {

/// Beyond the meeting's own deadline, for the case that the service thread gets no time.
constexpr std::int64_t kGraceNs = 5'000'000'000;
/// How long a rank stays to tell the others why they cannot start: they have mostly been started together with it.
constexpr std::int64_t kRefusalNs = 2'000'000'000;

[[noreturn]] void refuse(strettoResult_t code, const char* field, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.field = field;
  info.name = "launcher";
  info.text = std::move(text);
  throw Error(std::move(info));
}

/// One side of a meeting in the service thread. It stays there for as long as it has something to say.
template <typename Machine>
class MeetingTask : public ServiceTask {
 public:
  template <typename... Arguments>
  explicit MeetingTask(Arguments&&... arguments) : machine(posix_system(), std::forward<Arguments>(arguments)...) {}

  void poll() override {
    if (finished_) return;
    try {
      finished_ = machine.poll();
    } catch (const Error& thrown) {
      error = thrown.info();
    } catch (const std::exception& thrown) {
      error = ErrorInfo{};
      error->text = thrown.what();
    }
    finished_ = finished_ || error.has_value();
  }
  bool finished() const override { return finished_; }
  void watch(WaitSet& waits) override {
    if (!finished_) machine.watch(waits);
  }
  std::int64_t next_deadline_ns() override { return machine.next_deadline_ns(); }

  Machine machine;
  std::optional<ErrorInfo> error;

 private:
  bool finished_ = false;
};

void stay_to_tell(const ServiceTask& task) {
  Service::of_process().wait_until([&] { return task.finished(); }, posix_system().now_ns() + kRefusalNs);
}

/// Waits until `done` (asked with the service's lock held). Throws the task's own error, or the refusal.
template <typename Task, typename Done>
void run_meeting(const std::shared_ptr<Task>& task, const std::optional<ErrorInfo>& refusal, std::int64_t deadline_ns,
                 const Done& done) {
  Service& service = Service::of_process();
  service.add(task);
  if (refusal) {
    stay_to_tell(*task);
    throw Error(*refusal);
  }
  const bool in_time = service.wait_until([&] { return done() || task->finished(); }, deadline_ns + kGraceNs);
  if (task->error) throw Error(*task->error);
  if (!in_time) {
    refuse(strettoTimeout, "",
           "set-up: this process was stopped, or its service thread got no time, beyond the deadline");
  }
}

/// Rank 0's rendezvous, which ends unless the ranks are sent to it.
class Listener {
 public:
  explicit Listener(const strettoUniqueId& id) : id_(id) {}
  ~Listener() {
    if (!kept_) end_rendezvous(id_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void keep() { kept_ = true; }

 private:
  strettoUniqueId id_;
  bool kept_ = false;
};

strettoUniqueId host_meeting(const MeetingPlace& place, const Environment& environment,
                             std::optional<ErrorInfo> refusal) {
  strettoUniqueId id{};
  std::optional<Listener> listener;
  try {
    if (!refusal) listener.emplace(id = listen_for_ranks(environment));
  } catch (const Error& error) {
    refusal = error.info();
  }
  const auto task = std::make_shared<MeetingTask<MeetingHost>>(place, id, refusal);
  std::optional<ErrorInfo> failure;
  run_meeting(task, refusal, place.deadline_ns, [&] {
    if (task->machine.failure() != nullptr) failure = *task->machine.failure();
    return task->machine.decided();
  });
  if (failure) {
    stay_to_tell(*task);
    failure->rank = 0;
    failure->host = posix_system().identity().host_name;
    failure->name = "launcher";
    failure->text = format("rank 0 of {}: {}", place.n_ranks, failure->text);
    throw Error(*failure);
  }
  listener->keep();
  return id;
}

strettoUniqueId visit_meeting(const MeetingPlace& place, const std::optional<ErrorInfo>& refusal) {
  const auto task = std::make_shared<MeetingTask<MeetingGuest>>(place, refusal);
  run_meeting(task, refusal, place.deadline_ns, [] { return false; });
  return task->machine.id();
}

strettoUniqueId meet(const Launch& launch, std::uint64_t call, const Environment& environment,
                     const std::vector<std::byte>& secret, const std::optional<ErrorInfo>& refusal,
                     std::int64_t timeout_ns) {
  const std::string ancestor = launch.launchers_mark.empty() ? "" : ancestor_without(launch.launchers_mark);
  MeetingPlace place;
  place.name = meeting_name(launch, call, ancestor, posix_system().user(), secret);
  place.job = job_text(launch);
  place.rank_by = launch.rank_variable;
  place.size_by = launch.size_variable;
  place.rank = launch.rank;
  place.n_ranks = launch.n_ranks;
  // Where the settings themselves are refused, no deadline is known.
  place.deadline_ns = posix_system().now_ns() + (refusal ? std::max(timeout_ns, kRefusalNs) : timeout_ns);
  log(LogLevel::info, "event=launched launcher={} rank={} n_ranks={} call={} meeting={}", launch.launcher, launch.rank,
      launch.n_ranks, call, place.name);
  return launch.rank == 0 ? host_meeting(place, environment, refusal) : visit_meeting(place, refusal);
}

Endpoint agreed_address(const Environment& environment) {
  const std::string& text = environment.text(Knob::bootstrap_address);
  const std::optional<Endpoint> address = parse_endpoint(text);
  if (address && address->port != 0) return *address;
  refuse(strettoInvalidArgument, "STRETTO_BOOTSTRAP_ADDRESS",
         format("STRETTO_BOOTSTRAP_ADDRESS={}: ranks on several hosts need the address and the port, equal on all of "
                "them, at which rank 0 is to listen, like 10.0.0.1:4000 or [fd00::1]:4000",
                text));
}

strettoUniqueId id_by_secret(const Launch& launch, std::uint64_t call, const Environment& environment,
                             const std::vector<std::byte>& secret) {
  const Endpoint address = agreed_address(environment);
  log(LogLevel::info, "event=launched launcher={} rank={} n_ranks={} call={} address={}", launch.launcher, launch.rank,
      launch.n_ranks, call, to_string(address));
  const Key key = job_key(launch, call, secret);
  if (launch.rank != 0) return encode_id({key, {address}});
  try {
    return start_rendezvous(address, key);
  } catch (const Error& error) {
    refuse(error.info().code, "STRETTO_BOOTSTRAP_ADDRESS",
           format("rank 0 cannot listen at STRETTO_BOOTSTRAP_ADDRESS={}: {}. It must be an address of the host of rank "
                  "0, and a port that nobody else has",
                  to_string(address), error.what()));
  }
}

}  // namespace

std::uint64_t count_launch_call() {
  static PerProcess<std::atomic<std::uint64_t>> calls;
  return calls.get().fetch_add(1);
}

strettoUniqueId id_of_launch(const Launch& launch, std::uint64_t call, const Environment& environment,
                             const std::optional<ErrorInfo>& refusal, std::int64_t timeout_ns) {
  if (launch.n_ranks == 1) {
    if (refusal) throw Error(*refusal);
    return listen_for_ranks(environment);
  }
  const std::string& path = environment.text(Knob::secret_file);
  const std::vector<std::byte> secret = path.empty() ? std::vector<std::byte>() : read_secret_file(path);
  const bool by_address =
      launch.spread == Spread::several_hosts ||
      (launch.spread == Spread::not_said && !secret.empty() && !environment.text(Knob::bootstrap_address).empty());
  if (!by_address) return meet(launch, call, environment, secret, refusal, timeout_ns);
  if (refusal) throw Error(*refusal);
  if (secret.empty()) {
    refuse(
        strettoInvalidUsage, "STRETTO_SECRET_FILE",
        format("{} are on several hosts, and a launcher's environment is no secret: set STRETTO_SECRET_FILE to a file "
               "with the same secret on all of them, readable by its owner alone, and STRETTO_BOOTSTRAP_ADDRESS to an "
               "address and port of the host of rank 0; or start from an id that the application passes on",
               job_text(launch)));
  }
  return id_by_secret(launch, call, environment, secret);
}

}  // namespace stretto
