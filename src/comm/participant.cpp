#include "comm/participant.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/text.hpp"
#include "bootstrap/unique_id.hpp"
#include "comm/named.hpp"
#include "comm/rendezvous_task.hpp"

namespace stretto {
namespace {

/// Beyond the set-up deadline itself, for its error to travel.
constexpr std::int64_t kSetupGraceNs = 5'000'000'000;
constexpr std::int64_t kGoodbyeNs = 1'000'000'000;

[[noreturn]] void refuse(Rank rank, std::string text) {
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.rank = rank;
  info.field = "comm";
  info.text = std::move(text);
  throw Error(info);
}

}  // namespace

Participant::Participant(int n_ranks, Rank rank, const Settings& settings, std::shared_ptr<MembershipTask> task)
    : process_(getpid()), rank_(rank), n_ranks_(n_ranks), settings_(settings), task_(std::move(task)) {
  Service::of_process().add(task_);
}

std::unique_ptr<Participant> Participant::begin(const strettoUniqueId& id, int n_ranks, Rank rank,
                                                const Settings& settings) {
  if (const std::optional<Key> name = digest_of_named_id(id)) {
    if (n_ranks > 1) return begin(meet_by_name(*name, n_ranks, rank, settings), n_ranks, rank, settings);
    return begin(start_local_rendezvous(), n_ranks, rank, settings);
  }
  auto task = std::make_shared<MembershipTask>(posix_system(), id, rank, n_ranks, settings);
  auto result = std::unique_ptr<Participant>(new Participant(n_ranks, rank, settings, std::move(task)));
  if (n_ranks == 1) end_rendezvous(id);
  return result;
}

std::unique_ptr<Participant> Participant::begin(std::unique_ptr<IdSource> source, int n_ranks, Rank rank,
                                                const Settings& settings) {
  auto task = std::make_shared<MembershipTask>(posix_system(), std::move(source), rank, n_ranks, settings);
  return std::unique_ptr<Participant>(new Participant(n_ranks, rank, settings, std::move(task)));
}

std::vector<std::unique_ptr<Participant>> Participant::begin_all(std::span<const Settings> settings) {
  const auto n_ranks = static_cast<int>(settings.size());
  const strettoUniqueId id = start_local_rendezvous();
  const std::shared_ptr<void> rendezvous(nullptr, [id](void*) { end_rendezvous(id); });
  std::vector<std::unique_ptr<Participant>> result;
  for (Rank rank = 0; rank < n_ranks; ++rank) {
    result.push_back(begin(id, n_ranks, rank, settings[static_cast<std::size_t>(rank)]));
    result.back()->rendezvous_ = rendezvous;
  }
  return result;
}

/// Each keeps its own deadline; the one here is for the case that the service thread could not run.
void Participant::await(std::span<const std::unique_ptr<Participant>> participants, const Participant* parent) {
  const auto state_of = [](const auto& participant) { return participant->task_->setup_state(); };
  const auto ended = [&] {
    return std::ranges::none_of(participants, [&](const auto& p) { return state_of(p) == SetupState::under_way; }) ||
           std::ranges::any_of(participants, [&](const auto& p) { return state_of(p) == SetupState::failed; }) ||
           (parent != nullptr && parent->fault() != nullptr);
  };
  std::int64_t longest_ns = 0;
  for (const auto& participant : participants)
    longest_ns = std::max(longest_ns, participant->settings_.setup_timeout_ns);
  const bool in_time = Service::of_process().wait_until(ended, posix_system().now_ns() + longest_ns + kSetupGraceNs);
  for (const auto& participant : participants) {
    if (state_of(participant) == SetupState::failed) throw Error(participant->task_->setup_error());
  }
  if (std::ranges::none_of(participants, [](const auto& p) { return p->in_setup(); })) {
    for (const auto& participant : participants) {
      if (participant->on_device()) participant->adopt();  // other ranks' captures may need it before its first call
    }
    return;
  }
  if (in_time) throw Error(*parent->fault());
  throw Error(strettoTimeout,
              "set-up: this process was stopped, or its service thread got no time, beyond the deadline");
}

Participant::~Participant() {
  if (communicator_) return;  // says goodbye itself
  Service& service = Service::of_process();
  service.run([&] {
    task_->abort_setup("destroyed");
    task_->leave(0);
  });
  service.wait_until([&] { return task_->goodbye_said(); }, posix_system().now_ns() + kGoodbyeNs);
}

const ErrorInfo* Participant::fault() const {
  if (const Lifecycle* made = made_.load(std::memory_order_acquire); made != nullptr) return made->fault();
  return task_->setup_state() == SetupState::failed ? &task_->setup_error() : task_->fault().get();
}

/// Makes the communicator if set-up is complete; nullptr if it is not, or if there cannot be one.
Lifecycle* Participant::adopt() {
  const std::lock_guard lock(mutex_);
  if (communicator_ || adoption_failed_ || task_->setup_state() != SetupState::complete) return communicator_.get();
  std::optional<Membership> membership;
  Service::of_process().run([&] { membership = task_->take_membership(); });
  try {
    key_ = membership->key;
    make_communicator(std::move(*membership));
  } catch (const Error& error) {
    adoption_failed_ = true;
    if (task_->fault().set(error.info())) Service::of_process().run([&] { task_->report(error.info()); });
    throw;
  }
  made_.store(communicator_.get(), std::memory_order_release);
  return communicator_.get();
}

void Participant::make_communicator(Membership membership) {
  if (on_device()) {
    auto made = std::make_unique<DeviceCommunicator>(task_, std::move(membership));
    open_on_device_.store(made.get(), std::memory_order_release);
    communicator_ = std::move(made);
  } else {
    auto made = std::make_unique<Communicator>(task_, std::move(membership));
    open_.store(made.get(), std::memory_order_release);
    communicator_ = std::move(made);
  }
}

Lifecycle& Participant::communicator_or_why() {
  if (finalized_.load(std::memory_order_acquire)) {
    if (const ErrorInfo* found = fault(); found != nullptr) throw Error(*found);
    refuse(rank_, format("rank {}: the communicator is finalized: destroy it, and make another one for more", rank_));
  }
  if (Lifecycle* made = adopt(); made != nullptr) return *made;
  if (const ErrorInfo* found = fault(); found != nullptr) throw Error(*found);
  refuse(rank_, format("rank {}: set-up is still under way: call strettoCommGetAsyncError until it gives something "
                       "else than strettoInProgress",
                       rank_));
}

std::vector<std::vector<std::byte>> Participant::gather(std::vector<std::byte> mine, const char* phase) {
  Lifecycle& here = communicator_or_why();
  if (const ErrorInfo* found = here.fault(); found != nullptr) throw Error(*found);
  if (!here.close()) {
    refuse(rank_, "two threads use one communicator at once: give each thread its own, or take turns");
  }
  const std::shared_ptr<void> leave(&here, [](void* entered) { static_cast<Lifecycle*>(entered)->leave(); });
  const std::int64_t deadline_ns = posix_system().now_ns() + here.agreed_settings().data_timeout_ns;
  Service& service = Service::of_process();
  service.run([&] { task_->start_gather(std::move(mine), phase, deadline_ns); });
  if (!service.wait_until([&] { return task_->gather_ended(); }, deadline_ns + kSetupGraceNs)) {
    throw Error(strettoTimeout,
                "set-up: this process was stopped, or its service thread got no time, beyond the deadline");
  }
  std::vector<std::vector<std::byte>> gathered;
  service.run([&] { gathered = task_->take_gathered(); });
  return gathered;
}

void Participant::finalize() {
  if (finalized_.load(std::memory_order_acquire)) return;
  Lifecycle* const made = made_.load(std::memory_order_acquire);
  Lifecycle& here = made != nullptr ? *made : communicator_or_why();
  if (!here.close()) {
    ErrorInfo info;
    info.code = strettoInvalidUsage;
    info.field = "comm";
    info.rank = rank_;
    info.text = format("rank {}: another thread uses the communicator: finalize it after that call", rank_);
    throw Error(std::move(info));
  }
  here.drain();
  if (const ErrorInfo* found = here.fault(); found != nullptr) {
    here.leave();
    throw Error(*found);
  }
  finalized_.store(true, std::memory_order_release);
  open_.store(nullptr, std::memory_order_release);
  open_on_device_.store(nullptr, std::memory_order_release);
  Service::of_process().run([&] { task_->say_goodbye(here.completed()); });
}

void Participant::abort() {
  if (Lifecycle* made = made_.load(std::memory_order_acquire); made != nullptr) return made->abort();
  bool in_time = false;
  Service::of_process().run([&] { in_time = task_->abort_setup("aborted"); });
  if (in_time) return;
  if (Lifecycle* made = adopt(); made != nullptr) made->abort();  // else set-up has failed: that counts
}

}  // namespace stretto
