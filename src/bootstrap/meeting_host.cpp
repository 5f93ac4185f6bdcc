#include <algorithm>

#include "base/text.hpp"
#include "bootstrap/meeting.hpp"
#include "bootstrap/messages.hpp"

namespace stretto {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
/// How long one whose ranks may meet again stays to tell those who come late that it has failed.
constexpr std::int64_t kStayNs = kSecondNs;
constexpr std::int64_t kAcceptPauseNs = 20'000'000;
constexpr std::size_t kMostStrangers = 64;  ///< connections without a card, beside the ranks expected
constexpr int kAdmittedPerPoll = 64;        ///< a flood must not keep this from its deadline

/// Who has the name that was to be ours, as far as the kernel says. If it is another rank 0 of the same user, it is
/// told of this one: then it need not wait for ranks that will not come.
std::string tell_holder(System& system, const std::string& name, const MeetingCard& card) {
  try {
    Handle socket = system.connect_local(name);
    int os_error = 0;
    if (system.connect_status(socket.id(), os_error) != ConnectStatus::connected) return "";
    const PeerCredentials holder = system.peer_credentials(socket.id());
    MeetingWire wire(std::move(socket));
    wire.queue(card);
    if (holder.user == system.user()) wire.flush(system);
    return format(". Process {} of user {} has it", holder.process, holder.user);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

MeetingHost::MeetingHost(System& system, MeetingPlace place, const strettoUniqueId& id,
                         const std::optional<ErrorInfo>& refusal)
    : system_(system), place_(std::move(place)), id_(id), deadline_ns_(place_.deadline_ns) {
  try {
    listener_ = system_.listen_local(place_.name);
  } catch (const Error& error) {
    MeetingCard card;
    card.rank = place_.host();
    card.n_ranks = place_.n_ranks;
    card.process = system_.identity().process;
    card.remaining_ns = place_.deadline_ns - system_.now_ns();
    ErrorInfo info = error.info();
    info.rank = place_.host();
    info.name = place_.topic;
    if (!place_.members.empty()) {
      info.text = format("rank {} cannot listen for the other ranks of {} on this host: {}{}", place_.host(),
                         place_.job, error.what(), tell_holder(system_, place_.name, card));
      throw Error(std::move(info));
    }
    info.text = format(
        "rank 0 cannot listen for the other ranks of its job on this host: {}{}. If it is a rank of the same job, two "
        "processes are called rank 0; if it is of a former job, end that; started by hand, give each job a MASTER_PORT "
        "of its own; if it is another user's, set STRETTO_SECRET_FILE, which makes the name secret",
        error.what(), tell_holder(system_, place_.name, card));
    throw Error(std::move(info));
  }
  came_[place_.host()] = system_.identity().process;
  if (!refusal) return;
  ErrorInfo why;
  why.code = strettoRemoteError;
  why.peer = place_.host();
  why.field = refusal->field;
  why.text = format("rank {} cannot start the communicator: {}", place_.host(), refusal->text);
  decide(std::move(why));
}

void MeetingHost::decide(ErrorInfo verdict) {
  if (verdict_) return;
  const bool failed = verdict.code != strettoSuccess;
  verdict_ = std::move(verdict);
  // Of a communicator, those who have heard of it may try again at once, under the same name.
  if (failed && !place_.members.empty()) deadline_ns_ = std::min(deadline_ns_, system_.now_ns() + kStayNs);
}

void MeetingHost::withdraw() {
  ErrorInfo why;
  why.code = strettoRemoteError;
  why.peer = place_.host();
  why.text = format("rank {} has given up while the others were still coming: its own output says why", why.peer);
  decide(std::move(why));
}

bool MeetingHost::poll() {
  if (listener_) admit();
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    guest = serve(*guest) ? std::next(guest) : guests_.erase(guest);
  }
  if (!verdict_ && came_.size() == static_cast<std::size_t>(place_.n_ranks)) {
    ErrorInfo success;
    success.code = strettoSuccess;
    decide(std::move(success));
    listener_.reset();
  }
  const std::int64_t now_ns = system_.now_ns();
  if (!verdict_ && now_ns >= deadline_ns_) decide_late();
  if (!verdict_) return false;
  for (auto guest = guests_.begin(); guest != guests_.end();) {  // who came before the verdict is told now
    guest = serve(*guest) ? std::next(guest) : guests_.erase(guest);
  }
  const bool all_told = told_.size() + 1 >= static_cast<std::size_t>(place_.n_ranks);
  const bool telling = std::ranges::any_of(guests_, [](const Guest& guest) { return guest.state == State::answering; });
  if (!all_told && now_ns < deadline_ns_) return false;
  // Late, those are waited for who are being told, and who give up by themselves soon.
  if (telling && now_ns < deadline_ns_ + kSecondNs) return false;
  listener_.reset();
  guests_.clear();
  return true;
}

void MeetingHost::admit() {
  if (system_.now_ns() < accept_again_ns_) return;
  for (int admitted = 0; admitted < kAdmittedPerPoll; ++admitted) {
    Handle socket;
    try {
      socket = system_.accept(listener_.id());
    } catch (const Error&) {
      accept_again_ns_ = system_.now_ns() + kAcceptPauseNs;  // out of descriptors: they wait in the kernel's queue
      return;
    }
    if (!socket) return;
    if (system_.peer_credentials(socket.id()).user != system_.user()) {
      ++turned_away_;
      continue;
    }
    guests_.push_back({MeetingWire(std::move(socket))});
    const auto silent = [](const Guest& guest) { return guest.state == State::card; };
    if (guests_.size() <= static_cast<std::size_t>(place_.n_ranks) + kMostStrangers) continue;
    guests_.erase(std::ranges::find_if(guests_, silent));  // the newest is one, so there is one
    ++turned_away_;
  }
}

bool MeetingHost::serve(Guest& guest) {
  if (guest.state == State::card && !take_card(guest)) return false;
  if (guest.state == State::waiting && !verdict_) {
    // Nothing more is to come from it but its end.
    std::byte more{};
    const IoStatus status = system_.receive(guest.wire.id(), std::span(&more, 1)).status;
    if (status == IoStatus::would_block) return true;
    ErrorInfo why;
    why.code = strettoRemoteError;
    why.peer = guest.wire.in.rank;
    why.text =
        format("rank {} (process {}) died or gave up while the others were still coming: its own output says why",
               guest.wire.in.rank, guest.wire.in.process);
    decide(std::move(why));
    told_.insert(guest.wire.in.rank);
    return false;
  }
  if (guest.state == State::waiting) {
    guest.wire.queue(answer(told_.count(guest.wire.in.rank) != 0));
    guest.state = State::answering;
  }
  if (guest.state != State::answering) return true;
  const IoStatus status = guest.wire.flush(system_);
  if (status == IoStatus::would_block) return true;
  told_.insert(guest.wire.in.rank);  // or it has gone
  return false;
}

bool MeetingHost::take_card(Guest& guest) {
  const IoStatus status = guest.wire.fill(system_);
  if (status == IoStatus::would_block) return true;
  const MeetingCard& card = guest.wire.in;
  if (status != IoStatus::ok || card.magic != MeetingCard().magic) {  // the same user's, but no rank
    ++turned_away_;
    return false;
  }
  guest.state = State::waiting;
  consider(card);
  return true;
}

/// What the card of a rank means for all of them.
void MeetingHost::consider(const MeetingCard& card) {
  // A little before any of them gives up by itself, so that each hears who is missing.
  const std::int64_t remaining_ns = std::clamp<std::int64_t>(card.remaining_ns, 0, std::int64_t{1} << 60);
  const std::int64_t margin_ns = std::min(remaining_ns / 5, 2 * kSecondNs);
  if (!verdict_) deadline_ns_ = std::min(deadline_ns_, system_.now_ns() + remaining_ns - margin_ns);
  ErrorInfo why;
  why.code = strettoInvalidUsage;
  why.peer = place_.expects(card.rank) ? card.rank : -1;
  if (card.version != STRETTO_VERSION) {
    why.field = "version";
    why.text = format(
        "rank {} (process {}) runs version {} of stretto, rank {} version {}: install the same version "
        "everywhere",
        card.rank, card.process, card.version, place_.host(), STRETTO_VERSION);
  } else if (card.digest != place_.digest) {
    why = digests_differ(card);
  } else if (card.n_ranks != place_.n_ranks) {
    why.field = place_.size_by;
    why.text = format(
        "rank {} (process {}) was started as one of {} ranks, rank 0 as one of {}: {} must be the same "
        "for all",
        card.rank, card.process, card.n_ranks, place_.n_ranks, place_.size_by);
  } else if (card.rank == place_.host() || !place_.expects(card.rank) || came_.count(card.rank) != 0) {
    const auto first = came_.find(card.rank);
    why.field = place_.rank_by;
    why.text = format(
        "process {} calls itself rank {} of {}, and so does process {}: each must have a {} of its own, "
        "and call strettoCommInitEnvironment as often as the others",
        card.process, card.rank, card.n_ranks, first == came_.end() ? 0 : first->second, place_.rank_by);
  } else {
    came_[card.rank] = card.process;
    if (card.code == strettoSuccess) return;
    const ErrorInfo refusal = refusal_of(card);
    why.code = strettoRemoteError;
    why.field = refusal.field;
    why.text = format("rank {} cannot start the communicator: {}", card.rank, refusal.text);
  }
  decide(std::move(why));
}

ErrorInfo MeetingHost::digests_differ(const MeetingCard& card) const {
  ErrorInfo why;
  why.code = strettoInvalidUsage;
  why.peer = card.rank >= 0 ? card.rank : -1;
  why.field = place_.digest_by;
  why.text = format("rank {} (process {}) and rank {} (process {}) do not give the same {}: all who call must",
                    card.rank, card.process, place_.host(), came_.at(place_.host()), place_.digest_by);
  return why;
}

std::vector<Rank> MeetingHost::missing() const {
  std::vector<Rank> ranks = place_.members;
  for (Rank rank = 0; place_.members.empty() && rank < place_.n_ranks; ++rank) ranks.push_back(rank);
  std::erase_if(ranks, [this](Rank rank) { return came_.count(rank) != 0; });
  return ranks;
}

void MeetingHost::decide_late() {
  const std::vector<Rank> missing = this->missing();
  ErrorInfo why;
  why.code = strettoTimeout;
  why.peer = missing.front();
  if (!place_.advice.empty()) {
    why.text = format("set-up deadline: {} of {} ranks have not come to rank {} on host {}: {}. {}", missing.size(),
                      place_.n_ranks, place_.host(), system_.identity().host_name, list_ranks(missing), place_.advice);
    return decide(std::move(why));
  }
  why.text = format(
      "set-up deadline: {} of {} ranks have not come to rank 0 on host {}: {}. Check that they run, on this host and "
      "in "
      "its network namespace (ranks on other hosts need STRETTO_SECRET_FILE and STRETTO_BOOTSTRAP_ADDRESS), and call "
      "strettoCommInitEnvironment as often as the others{}",
      missing.size(), place_.n_ranks, system_.identity().host_name, list_ranks(missing),
      turned_away_ == 0 ? "" : format("; turned away, as other users' or no ranks: {}", turned_away_));
  decide(std::move(why));
}

/// @param again it has been told already, so it wants the next meeting under this name
MeetingCard MeetingHost::answer(bool again) const {
  MeetingCard card;
  card.rank = place_.host();
  card.n_ranks = place_.n_ranks;
  card.process = came_.at(place_.host());
  if (again && !place_.members.empty()) {
    card.code = strettoInProgress;
  } else if (failure() != nullptr) {
    put_refusal(card, *failure());
  } else {
    card.id = id_;
  }
  return card;
}

std::int64_t MeetingHost::next_deadline_ns() const {
  const std::int64_t end_ns = verdict_ ? deadline_ns_ + kSecondNs : deadline_ns_;
  return accept_again_ns_ > system_.now_ns() ? std::min(end_ns, accept_again_ns_) : end_ns;
}

void MeetingHost::watch(WaitSet& waits) {
  // What is not to be accepted from must not be watched either: it would stay readable.
  const std::uint8_t events = system_.now_ns() >= accept_again_ns_ ? WaitSet::readable : 0;
  if (listener_) waits.watch(listener_.id(), events);
  for (Guest& guest : guests_) guest.wire.watch(waits);
}

}  // namespace stretto
