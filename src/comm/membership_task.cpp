#include "comm/membership_task.hpp"

#include <algorithm>
#include <exception>
#include <string>

#include "base/text.hpp"
#include "exec/binding.hpp"

namespace stretto {
namespace {

constexpr std::uint64_t kPresent = ~std::uint64_t{0};
/// A rank that has left goes on forwarding control messages this long, or until all others have left too.
constexpr std::int64_t kLingerNs = 10'000'000'000;
/// How long it goes on reading when all is said.
constexpr std::int64_t kLastWordsNs = 50'000'000;
/// How often words about operations that this rank has not called yet are looked at again.
constexpr std::int64_t kJudgeNs = 500'000'000;
/// How soon an answer is given for a rank whose operation ended before it could answer for itself.
constexpr std::int64_t kAnswerLookNs = 5'000'000;
constexpr std::size_t kWaitingMost = 2 * WaitingNews::kOperations;
/// How long a failed set-up may take to tell the others why.
constexpr std::int64_t kFailingNs = 1'000'000'000;

/// What another rank says of itself alone (it was refused memory, say) is for us an error about that rank.
ErrorInfo in_the_words_of(Rank rank, ErrorInfo info) {
  if (info.rank >= 0 && info.rank != rank) {
    if (info.peer < 0) info.peer = info.rank;
    if (info.code == strettoSystemError) info.code = strettoRemoteError;
  }
  info.rank = rank;
  return info;
}

}  // namespace

MembershipTask::MembershipTask(System& system, const strettoUniqueId& id, Rank rank, int n_ranks,
                               const Settings& settings)
    : MembershipTask(system, std::make_unique<Setup>(system, id, rank, n_ranks, settings), rank, n_ranks) {}

MembershipTask::MembershipTask(System& system, std::unique_ptr<IdSource> source, Rank rank, int n_ranks,
                               const Settings& settings)
    : MembershipTask(system, std::make_unique<Setup>(system, std::move(source), rank, n_ranks, settings), rank,
                     n_ranks) {}

MembershipTask::MembershipTask(System& system, std::unique_ptr<Setup> setup, Rank rank, int n_ranks)
    : system_(system),
      rank_(rank),
      n_ranks_(n_ranks),
      setup_(std::move(setup)),
      waits_(rank, n_ranks),
      operations_at_departure_(static_cast<std::size_t>(n_ranks)) {
  for (auto& operations : operations_at_departure_) operations.store(kPresent, std::memory_order_relaxed);
}

Membership MembershipTask::take_membership() {
  if (setup_state() == SetupState::failed) throw Error(setup_error_);
  return std::move(membership_);
}

/// What cannot be expected (out of memory, say) must not end the process from the service thread.
void MembershipTask::poll() {
  try {
    poll_phase();
  } catch (const std::exception& error) {
    ErrorInfo info;
    info.code = strettoSystemError;
    info.rank = rank_;
    info.name = "service";
    info.text = std::string("the communicator cannot be looked after any more: ") + error.what();
    fault_.set(info);
    set_setup_error(info);
    abandon();
  }
}

void MembershipTask::poll_phase() {
  switch (phase_) {
    case Phase::setting_up:
      poll_setup();
      break;
    case Phase::aborting:
      poll_abort();
      break;
    case Phase::running:
      control_->poll();
      publish();
      poll_gather();
      break;
    case Phase::leaving:
      control_->poll();
      publish();
      // Not at once: to close over bytes that nobody has read would take back what was sent before them.
      if (control_->flushed() && (everyone_left() || control_->fault() != nullptr)) {
        linger_deadline_ns_ = std::min(linger_deadline_ns_, system_.now_ns() + kLastWordsNs);
      }
      if (system_.now_ns() >= linger_deadline_ns_) {
        control_.reset();
        phase_ = Phase::finished;
      }
      break;
    case Phase::failing:
      if (control_) control_->poll();
      if (!control_ || control_->flushed() || system_.now_ns() >= linger_deadline_ns_) {
        control_.reset();
        phase_ = Phase::finished;
      }
      break;
    case Phase::finished:
      break;
  }
}

void MembershipTask::abandon() {
  setup_.reset();
  control_.reset();
  phase_ = Phase::finished;
}

/// Does nothing to a set-up that has ended.
void MembershipTask::set_setup_error(ErrorInfo error) {
  if (setup_state() != SetupState::under_way) return;
  setup_error_ = std::move(error);
  setup_state_.store(SetupState::failed, std::memory_order_release);  // publishes setup_error_
}

bool MembershipTask::abort_setup(const char* verb) {
  if (setup_state() != SetupState::under_way) return false;
  ErrorInfo info;
  info.code = strettoAborted;
  info.rank = rank_;
  info.name = "set-up";
  info.text = format("rank {}: the communicator was {} during set-up", rank_, verb);
  set_setup_error(info);
  for_others_ = info;
  for_others_.code = strettoRemoteError;
  for_others_.peer = rank_;
  for_others_.host = system_.identity().host_name;
  for_others_.text = format("rank {} on host {} {} the communicator during set-up", rank_, for_others_.host, verb);
  linger_deadline_ns_ = system_.now_ns() + kFailingNs;
  phase_ = Phase::aborting;
  poll();
  return true;
}

/// A rank that nobody knows of yet makes itself known first: its going is then noticed at once, and not by a deadline.
void MembershipTask::poll_abort() {
  try {
    if (!setup_->is_known()) setup_->poll();
    if (!setup_->is_known() && system_.now_ns() < linger_deadline_ns_) return;
    setup_->report(for_others_);
  } catch (const Error&) {  // the others have trouble of their own
  }
  end_setup();
}

/// After a set-up that failed: tells the others what is still to be told.
void MembershipTask::end_setup() {
  membership_ = setup_->take();
  control_ = std::move(membership_.control);
  membership_ = Membership{};
  setup_.reset();
  if (control_) control_->leave(0);
  linger_deadline_ns_ = system_.now_ns() + kFailingNs;
  phase_ = Phase::failing;
}

void MembershipTask::poll_setup() {
  try {
    if (!setup_->poll()) return;
    membership_ = setup_->take();
    control_ = std::move(membership_.control);
    hears_waits_ = membership_.gpu == nullptr;
    setup_.reset();
    phase_ = Phase::running;
    publish();
    setup_state_.store(SetupState::complete, std::memory_order_release);
  } catch (const Error& error) {
    set_setup_error(setup_->meets() ? error.info() : in_the_words_of(rank_, error.info()));
    end_setup();
  }
}

/// Makes known to the communicator's thread what the control plane has heard.
void MembershipTask::publish() {
  judge_waiting();
  answer_for_idle();
  if (const ErrorInfo* fault = control_->fault(); fault != nullptr) fault_.set(*fault);
  const auto departed = control_->departed();
  for (; departures_seen_ < departed.size(); ++departures_seen_) {
    const ControlPlane::Departure& departure = departed[departures_seen_];
    operations_at_departure_[static_cast<std::size_t>(departure.rank)].store(departure.operations,
                                                                             std::memory_order_release);
  }
}

/// Holds what others wait in against what this rank has called, or will have.
void MembershipTask::judge_waiting() {
  for (const Waiting& said : control_->take_waiting()) {
    if (waiting_.size() == kWaitingMost) waiting_.erase(waiting_.begin());
    waiting_.push_back(said);
  }
  if (control_->fault() != nullptr) waiting_.clear();
  std::erase_if(waiting_, [this](const Waiting& theirs) { return judge(theirs); });
}

/// True if there is nothing more to learn from it.
bool MembershipTask::judge(const Waiting& theirs) {
  const bool is_past =
      theirs.operation < calls_.begun();  // asked first: what is called meanwhile is found, or asked again
  const std::optional<OpTag> mine = calls_.find(theirs.operation);
  if (!mine || *mine == theirs.tag) return mine || is_past;
  ErrorInfo info;
  info.code = strettoInvalidUsage;
  info.field = differing_field(*mine, theirs.tag);
  info.name = row_of(static_cast<Collective>(mine->collective)).name;
  info.rank = rank_;
  info.peer = theirs.rank;
  info.operation = static_cast<std::int64_t>(theirs.operation);
  info.text = disagreement_text(rank_, *mine, theirs.rank, theirs.tag);
  control_->report(info);
  return true;
}

/// In an operation the thread that runs it answers.
void MembershipTask::answer_for_idle() {
  if (!hears_waits_) return;
  while (true) {
    for (const ControlPlane::Word& word : control_->take_words()) hear_wait(word);
    if (!waits_.asked() || waits_.in_operation() || !waits_.take_question()) return;
    control_->tell(WaitChain::word(-1, -1));  // which hears, too, and nothing else would wake this thread for that
  }
}

void MembershipTask::hear_wait(const ControlPlane::Word& word) {
  try {
    waits_.hear(word.rank, word.bytes);
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    info.rank = rank_;
    info.peer = word.rank;
    info.text = format("rank {} sent what rank {} does not understand ({}): do all ranks run the same version?",
                       word.rank, rank_, error.info().text);
    control_->report(info);
  }
}

bool MembershipTask::everyone_left() const { return departures_seen_ + 1 >= static_cast<std::size_t>(n_ranks_); }

bool MembershipTask::left_before(Rank peer, std::uint64_t operations) const {
  const auto at = operations_at_departure_[static_cast<std::size_t>(peer)].load(std::memory_order_acquire);
  return at != kPresent && at < operations;
}

void MembershipTask::report(const ErrorInfo& fault) {
  if (control_) control_->report(fault);
}

void MembershipTask::start_gather(std::vector<std::byte> mine, const char* phase, std::int64_t deadline_ns) {
  gathered_.reset();
  gather_error_.reset();
  try {
    if (const ErrorInfo* fault = fault_.get(); fault != nullptr) throw Error(*fault);
    control_->start_all_gather(std::move(mine), phase, deadline_ns);
    gathering_ = true;
  } catch (const Error& error) {
    gather_error_ = error.info();
  }
  poll();
}

/// After one that did not end there is no other: the ranks would not know which of them it is.
void MembershipTask::poll_gather() {
  if (!gathering_) return;
  try {
    gathered_ = control_->poll_all_gather();
    if (!gathered_) return;
  } catch (const Error& error) {
    // A fault of this rank alone, as its own abort, is not the control plane's.
    if (fault_.set(in_the_words_of(rank_, error.info()))) control_->report(error.info());
    gather_error_ = *fault_.get();
  }
  gathering_ = false;
}

std::vector<std::vector<std::byte>> MembershipTask::take_gathered() {
  if (gather_error_) throw Error(*gather_error_);
  return std::move(*gathered_);
}

void MembershipTask::say_waiting(std::uint64_t operation, const OpTag& tag) {
  if (phase_ == Phase::running) control_->say_waiting(operation, tag);
}

void MembershipTask::tell(std::vector<std::byte> word) {
  if (phase_ == Phase::running) control_->tell(std::move(word));
}

std::vector<ControlPlane::Word> MembershipTask::take_words() {
  return phase_ == Phase::running ? control_->take_words() : std::vector<ControlPlane::Word>();
}

void MembershipTask::say_goodbye(std::uint64_t operations) {
  if (phase_ == Phase::running) control_->leave(operations);
}

void MembershipTask::leave(std::uint64_t operations) {
  if (phase_ != Phase::running) return;
  membership_ = Membership{};  // where nobody has taken it
  control_->leave(operations);
  linger_deadline_ns_ = system_.now_ns() + kLingerNs;
  phase_ = Phase::leaving;
}

void MembershipTask::watch(WaitSet& waits) {
  if (setup_) setup_->watch(waits);
  if (control_) control_->watch(waits);
}

std::int64_t MembershipTask::next_deadline_ns() {
  if (setup_) {
    const std::int64_t next_ns = setup_->next_deadline_ns();
    return phase_ == Phase::aborting ? std::min(next_ns, linger_deadline_ns_) : next_ns;
  }
  if (!control_) return system_.now_ns();
  std::int64_t next_ns = control_->next_deadline_ns();
  if (waits_.asked()) next_ns = std::min(next_ns, system_.now_ns() + kAnswerLookNs);
  if (!waiting_.empty()) next_ns = std::min(next_ns, system_.now_ns() + kJudgeNs);
  return phase_ == Phase::running ? next_ns : std::min(next_ns, linger_deadline_ns_);
}

}  // namespace stretto
