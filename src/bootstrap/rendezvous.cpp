#include "bootstrap/rendezvous.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
constexpr std::int64_t join_limit_ns = 5 * second_ns;
constexpr std::int64_t leave_limit_ns = second_ns;
constexpr std::int64_t never_ns = std::numeric_limits<std::int64_t>::max();
constexpr std::size_t strangers_max = 512;
constexpr int n_ranks_max = 1 << 20;

}  // namespace

TreeRendezvous::TreeRendezvous(System& system, const Endpoint& address, const std::optional<Key>& key)
    : system_(system), address_(address), deadline_ns_(never_ns) {
  require_crypto();
  Handle listener = system.listen_tcp(address_);
  IdContents contents;
  if (key) {
    contents.key = *key;
  } else {
    system.fill_random(contents.key);
  }
  contents.endpoints.push_back(address_);
  id_ = encode_id(contents);
  gate_.emplace(system, std::move(listener), contents.key, Role::rendezvous, -1, strangers_max);
}

void TreeRendezvous::send(Channel& channel, const std::vector<std::byte>& body) {
  channel.send(body);
  channel.flush();
  ++counts_.frames_sent;
}

void TreeRendezvous::reject(Channel channel, const ErrorInfo& why) {
  WireWriter writer;
  writer.number(Message::reject);
  put(writer, why);
  send(channel, writer.take());
  leavers_.push_back({std::move(channel), system_.now_ns()});
}

void TreeRendezvous::fail(ErrorInfo why) {
  if (failure_) return;
  why.name = "rendezvous";
  failure_ = std::move(why);
  for (auto& [rank, attendee] : attendees_) {
    told_.insert(rank);
    reject(std::move(attendee.channel), *failure_);
  }
  attendees_.clear();
  unwatched_.clear();
}

/// Why this join cannot be accepted; tells it, and the others where set-up cannot succeed any more.
bool TreeRendezvous::refuse_join(Arrival& arrival, const Member& member) {
  ErrorInfo why;
  why.code = strettoInvalidUsage;
  why.name = "rendezvous";
  const Introduction& claim = arrival.introduction;
  if (failure_) {
    told_.insert(claim.rank);
    reject(std::move(arrival.channel), *failure_);
    return true;
  }
  if (const auto twin = attendees_.find(claim.rank); twin != attendees_.end() && claim.n_ranks == n_ranks_) {
    const Member& first = twin->second.member;
    why.field = "rank";
    why.peer = claim.rank;
    why.host = first.host;
    why.text = format(
        "rank {} has already come: process {} on host {} has it, process {} on host {} wanted it too; give "
        "every process its own rank",
        claim.rank, first.process, first.host, member.process, member.host);
    duplicates_ = "; " + why.text;
    reject(std::move(arrival.channel), why);
    return true;
  }
  const Member& first = attendees_.empty() ? member : attendees_.begin()->second.member;
  if (claim.version != STRETTO_VERSION) {
    why.field = "version";
    why.text = format("{} runs version {} of stretto, the rendezvous {}: install the same version everywhere",
                      to_string(member), claim.version, STRETTO_VERSION);
  } else if (n_ranks_ != 0 && claim.n_ranks != n_ranks_) {
    why.field = "n_ranks";
    why.text = format("{} was started as one of {} ranks, {} as one of {}: give every rank the same number",
                      to_string(member), claim.n_ranks, to_string(first), n_ranks_);
  } else {
    return false;
  }
  ErrorInfo for_it = why;  // each side is told of the other
  for_it.peer = attendees_.empty() ? -1 : first.rank;
  for_it.host = attendees_.empty() ? "" : first.host;
  reject(std::move(arrival.channel), for_it);
  why.peer = member.rank;
  why.host = member.host;
  if (n_ranks_ == 0) n_ranks_ = claim.n_ranks;
  fail(std::move(why));
  return true;
}

void TreeRendezvous::on_join(Arrival& arrival, const std::vector<std::byte>& frame) {
  WireReader reader(frame);
  if (reader.number<Message>() != Message::join) throw Error(strettoRemoteError, "not a join");
  Attendee attendee;
  attendee.member = get_member(reader);
  attendee.member.rank = arrival.introduction.rank;
  attendee.listener = get_endpoint(reader);
  const auto remaining_ns = std::clamp<std::int64_t>(reader.number<std::int64_t>(), 0, std::int64_t{1} << 60);

  const Introduction& claim = arrival.introduction;
  if (claim.n_ranks < 1 || claim.n_ranks > n_ranks_max || claim.rank < 0 || claim.rank >= claim.n_ranks)
    throw Error(strettoRemoteError, "out of range");  // a member checks this itself before it comes
  const std::int64_t now_ns = system_.now_ns();
  // A little before any of them gives up by itself, so that each hears who is missing.
  const std::int64_t margin_ns = std::min(remaining_ns / 5, 2 * second_ns);
  deadline_ns_ = std::min(deadline_ns_, now_ns + remaining_ns - margin_ns);
  if (refuse_join(arrival, attendee.member)) return;
  n_ranks_ = claim.n_ranks;
  attendee.channel = std::move(arrival.channel);
  rank_of_socket_.insert_or_assign(attendee.channel.socket(), claim.rank);
  unwatched_.push_back(claim.rank);
  attendees_.emplace(claim.rank, std::move(attendee));
}

void TreeRendezvous::poll_arrivals(const ReadySockets* ready) {
  const std::int64_t now_ns = system_.now_ns();
  while (auto guest = gate_->next_guest()) {
    counts_.frames_received += 2;  // hello and proof
    counts_.frames_sent += 1;      // challenge
    arrivals_.push_back({std::move(guest->channel), guest->introduction, now_ns});
  }
  std::deque<Arrival> waiting;
  for (Arrival& arrival : arrivals_) {
    if (ready == nullptr || arrival.fresh || ready->contains(arrival.channel.socket())) arrival.channel.pump();
    const auto frame = arrival.channel.take_frame();
    if (!frame) {
      if (!arrival.channel.ended() && now_ns - arrival.since_ns < join_limit_ns) waiting.push_back(std::move(arrival));
      continue;
    }
    ++counts_.frames_received;
    try {
      on_join(arrival, *frame);
    } catch (const Error&) {  // knows the key, but does not speak as members do
      ++counts_.turned_away;
    }
  }
  arrivals_ = std::move(waiting);
}

void TreeRendezvous::assign() {
  assigned_ = true;
  for (auto& [rank, attendee] : attendees_) {
    WireWriter writer;
    writer.number(Message::assign);
    const Attendee& parent = attendees_.at(rank == 0 ? 0 : (rank - 1) / 2);
    put(writer, parent.member);
    put(writer, parent.listener);
    send(attendee.channel, writer.take());
    unwatched_.push_back(rank);
  }
}

/// Fails all if it has gone.
void TreeRendezvous::poll_attendee(Attendee& attendee) {
  attendee.channel.pump();
  while (const auto frame = attendee.channel.take_frame()) {
    ++counts_.frames_received;
    if (frame->front() != static_cast<std::byte>(Message::linked) || attendee.linked) continue;
    attendee.linked = true;
    ++n_linked_;
  }
  if (!attendee.channel.ended() || ready_) return;
  ErrorInfo why;
  why.code = strettoRemoteError;
  why.peer = attendee.member.rank;
  why.host = attendee.member.host;
  why.text = format("{} died or gave up during set-up; look at its own output", to_string(attendee.member));
  fail(std::move(why));
}

void TreeRendezvous::poll_attendees(const ReadySockets* ready) {
  if (ready == nullptr) {
    for (auto& [rank, attendee] : attendees_) {
      poll_attendee(attendee);
      if (failure_) return;
    }
    watched_by_ = nullptr;  // any of them may have changed
  } else {
    for (const int socket : ready->all()) {
      if (const auto found = rank_of_socket_.find(socket); found != rank_of_socket_.end())
        unwatched_.push_back(found->second);
    }
    // With those who have just joined: what they said at once may have been received already.
    for (const Rank rank : unwatched_) {
      poll_attendee(attendees_.at(rank));
      if (failure_) return;
    }
  }
  if (n_ranks_ == 0 || attendees_.size() != static_cast<std::size_t>(n_ranks_)) return;
  if (!assigned_) assign();
  if (!ready_ && n_linked_ == attendees_.size()) get_all_ready();
}

void TreeRendezvous::get_all_ready() {
  ready_ = true;
  const std::vector<std::byte> body = {static_cast<std::byte>(Message::ready)};
  for (auto& [rank, attendee] : attendees_) {
    send(attendee.channel, body);
    unwatched_.push_back(rank);
    unflushed_.push_back(rank);
  }
}

ErrorInfo TreeRendezvous::deadline_passed() const {
  std::vector<Rank> missing, unlinked;
  for (Rank rank = 0; rank < n_ranks_; ++rank) {
    const auto found = attendees_.find(rank);
    if (found == attendees_.end())
      missing.push_back(rank);
    else if (!found->second.linked)
      unlinked.push_back(rank);
  }
  ErrorInfo why;
  why.code = strettoTimeout;
  if (!missing.empty()) {
    why.peer = missing.front();
    why.text = format(
        "set-up deadline: {} of {} ranks have not come to {}: {}. Check that they run, were given the same "
        "id, and can connect to that address (firewall, network interface){}{}{}",
        missing.size(), n_ranks_, to_string(address_), list_ranks(missing), duplicates_,
        gate_->trouble().empty() ? "" : "; ", gate_->trouble());
  } else {
    why.peer = unlinked.empty() ? -1 : unlinked.front();
    why.text = format(
        "set-up deadline: all {} ranks have come, but {} of them could not finish their connections to one "
        "another: {}. Check that they are not stopped and that ranks can connect to one another (firewall)",
        n_ranks_, unlinked.size(), list_ranks(unlinked));
  }
  if (const auto peer = attendees_.find(why.peer); peer != attendees_.end()) why.host = peer->second.member.host;
  return why;
}

/// The rendezvous cannot accept. Those turned away make room for the others to be told.
ErrorInfo TreeRendezvous::no_descriptors() const {
  ErrorInfo why;
  why.code = strettoSystemError;
  why.rank = why.peer = 0;  // whose process this is, as a rule
  why.host = system_.identity().host_name;
  why.text = format("the rendezvous cannot let more ranks in after {} of {}: {}", attendees_.size(), n_ranks_,
                    gate_->trouble());
  return why;
}

void TreeRendezvous::poll_leavers() {
  const std::int64_t now_ns = system_.now_ns();
  for (Leaver& leaver : leavers_) {
    leaver.channel.pump();
    while (leaver.channel.take_frame()) {
    }
  }
  std::erase_if(leavers_, [&](const Leaver& leaver) {
    return leaver.channel.ended() || now_ns - leaver.since_ns >= leave_limit_ns;
  });
}

bool TreeRendezvous::poll_ready(std::span<const int> ready_handles) {
  const ReadySockets ready(ready_handles);
  return poll(&ready);
}

bool TreeRendezvous::poll(const ReadySockets* ready) {
  gate_->poll(ready);
  poll_arrivals(ready);
  if (!failure_) poll_attendees(ready);
  const bool complete = ready_ || (n_ranks_ > 0 && attendees_.size() >= static_cast<std::size_t>(n_ranks_));
  if (gate_->stuck() && !failure_ && !complete) fail(no_descriptors());
  const bool late = system_.now_ns() >= deadline_ns_;
  if (late && !failure_ && !ready_) {
    fail(deadline_passed());
    for (Arrival& arrival : arrivals_) reject(std::move(arrival.channel), *failure_);
    arrivals_.clear();
  }
  poll_leavers();
  if (failure_) {
    const bool all_told = n_ranks_ > 0 && told_.size() >= static_cast<std::size_t>(n_ranks_);
    return leavers_.empty() && (late || all_told);
  }
  if (!ready_) return false;
  if (!late && (!arrivals_.empty() || !leavers_.empty()))
    return false;  // somebody who must be told that it is too many
  std::erase_if(unflushed_, [this](Rank rank) { return attendees_.at(rank).channel.flushed(); });
  return late || unflushed_.empty();
}

void TreeRendezvous::watch(WaitSet& waits) {
  gate_->watch(waits);
  for (Arrival& arrival : arrivals_) {
    arrival.channel.watch(waits);
    arrival.fresh = false;
  }
  if (watched_by_ == &waits) {
    for (const Rank rank : unwatched_) {
      if (const auto found = attendees_.find(rank); found != attendees_.end()) found->second.channel.watch(waits);
    }
  } else {
    for (auto& [rank, attendee] : attendees_) attendee.channel.watch(waits);
  }
  watched_by_ = &waits;
  unwatched_.clear();
  for (Leaver& leaver : leavers_) leaver.channel.watch(waits);
}

std::int64_t TreeRendezvous::next_deadline_ns() const {
  std::int64_t next_ns = std::min(gate_->next_deadline_ns(), deadline_ns_);
  if (!arrivals_.empty()) next_ns = std::min(next_ns, arrivals_.front().since_ns + join_limit_ns);
  if (!leavers_.empty()) next_ns = std::min(next_ns, leavers_.front().since_ns + leave_limit_ns);
  return next_ns;
}

Rendezvous::Counts TreeRendezvous::counts() const {
  Counts counts = counts_;
  counts.turned_away += gate_->turned_away();
  return counts;
}

std::unique_ptr<Rendezvous> make_rendezvous(System& system, const Endpoint& address, const std::optional<Key>& key) {
  return std::make_unique<TreeRendezvous>(system, address, key);
}

}  // namespace stretto
