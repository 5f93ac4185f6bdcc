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
  drain();
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
  turns_.wake();
  info.code = strettoRemoteError;
  info.peer = rank();
  info.host = engine_.topology().identity(rank()).host_name;
  info.text = format("rank {} on host {} aborted the communicator", rank(), info.host);
  Service::of_process().run([&] { task_->report(info); });
}

}  // namespace stretto
