#include "transports/shm/leader.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace stretto::shm {
namespace {

/// Connections that have proved nothing yet, above the ranks expected: more than that, and the oldest has to go.
constexpr std::size_t kMaxStrangers = 64;
constexpr int kAdmittedPerPoll = 64;

std::string list_of(const std::vector<Rank>& ranks) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(ranks.size(), kShown); ++i) text += format("{}{}", i > 0 ? ", " : "", ranks[i]);
  if (ranks.size() > kShown) text += format(" and {} more", ranks.size() - kShown);
  return text;
}

}  // namespace

Leader::Leader(const Party& party, std::vector<Rank> joiners) : party_(party), missing_(std::move(joiners)) {
  try {
    memory_ = party_.system.create_memory(party_.memory_bytes, "stretto");
    mapping_ = party_.system.map_memory(memory_.id(), party_.memory_bytes);
    listener_ = party_.system.listen_local(party_.name);
  } catch (const Error& error) {
    throw party_.error(
        error.info().code, -1,
        format(
            "rank {} could not set up {} bytes of shared memory for the {} ranks of host {}: {}. Raise the limits of "
            "this process (ulimit -v, -f, -n; the memory of its container), or ask for fewer channels or smaller slots",
            party_.rank, party_.memory_bytes, missing_.size() + 1, party_.host, error.what()));
  }
}

bool Leader::poll() {
  if (missing_.empty()) return true;
  admit();
  for (auto guest = guests_.begin(); guest != guests_.end();) {
    const bool welcome = serve(*guest);
    if (!welcome) ++turned_away_;
    guest = welcome && guest->state != State::finished ? std::next(guest) : guests_.erase(guest);
  }
  if (missing_.empty()) {
    listener_.reset();
    guests_.clear();  // strangers
    return true;
  }
  check_deadline();
  return false;
}

void Leader::watch(WaitSet& waits) {
  if (!listener_) return;
  waits.watch(listener_.id(), WaitSet::readable);
  for (Guest& guest : guests_) guest.wire.watch(waits, guest.state == State::send_memory);
}

void Leader::admit() {
  for (int admitted = 0; admitted < kAdmittedPerPoll; ++admitted) {  // a flood must not keep this from its deadline
    Handle socket = party_.system.accept(listener_.id());
    if (!socket) return;
    if (party_.system.peer_credentials(socket.id()).user != party_.system.user()) {
      ++turned_away_;
      continue;
    }
    guests_.emplace_back(std::move(socket));
    if (guests_.size() <= missing_.size() + kMaxStrangers) continue;
    const auto stranger = std::find_if(guests_.begin(), guests_.end(), [](const Guest& guest) {
      return guest.state == State::hello || guest.state == State::proof;
    });
    guests_.erase(stranger);  // there is one: no more than missing_.size() guests have proved to be ranks
    ++turned_away_;
  }
}

bool Leader::serve(Guest& guest) {
  switch (guest.state) {
    case State::hello:
      return greet(guest);
    case State::proof:
      return check(guest);
    case State::send_memory:
    case State::mapped:
      return hand_out(guest);
    case State::finished:
      break;
  }
  return true;
}

bool Leader::greet(Guest& guest) {
  const IoStatus status = guest.wire.fill(party_.system, std::as_writable_bytes(std::span(&guest.hello, 1)));
  if (status == IoStatus::would_block) return true;
  if (status != IoStatus::ok || guest.hello.magic != kMagic || !is_missing(guest.hello.rank)) return false;
  guest.nonce = party_.make_nonce();
  const Challenge challenge{guest.nonce,
                            party_.prove(Party::Role::leader, guest.hello.rank, guest.hello.nonce, guest.nonce)};
  guest.wire.queue(std::as_bytes(std::span(&challenge, 1)));
  guest.state = State::proof;
  return check(guest);
}

bool Leader::check(Guest& guest) {
  const IoStatus sent = guest.wire.flush(party_.system);
  if (sent == IoStatus::would_block) return true;
  if (sent != IoStatus::ok) return false;
  const IoStatus status = guest.wire.fill(party_.system, guest.proof);
  if (status == IoStatus::would_block) return true;
  const Proof expected = party_.prove(Party::Role::joiner, guest.hello.rank, guest.hello.nonce, guest.nonce);
  // The rank may have been served on another connection meanwhile.
  if (status != IoStatus::ok || !equal(guest.proof, expected) || !is_missing(guest.hello.rank)) return false;
  const bool taken = std::any_of(guests_.begin(), guests_.end(), [&](const Guest& other) {
    return other.hello.rank == guest.hello.rank && (other.state == State::send_memory || other.state == State::mapped);
  });
  if (taken) return false;
  guest.state = State::send_memory;
  return hand_out(guest);
}

bool Leader::hand_out(Guest& guest) {
  IoStatus status = IoStatus::ok;
  if (guest.state == State::send_memory) {
    status = party_.system.send_memory(guest.wire.id(), memory_.id()).status;
    if (status == IoStatus::ok) guest.state = State::mapped;
  }
  if (status == IoStatus::ok) status = guest.wire.fill(party_.system, std::span(&guest.mapped, 1));
  if (status == IoStatus::would_block) return true;
  if (status != IoStatus::ok) {  // it proved to be that rank, so this is no stranger's doing
    throw party_.error(strettoRemoteError, guest.hello.rank,
                       format("rank {} left before it had mapped the shared memory of host {}: it failed or was "
                              "killed. Its own error says why",
                              guest.hello.rank, party_.host));
  }
  std::erase(missing_, guest.hello.rank);
  guest.state = State::finished;
  return true;
}

bool Leader::is_missing(Rank rank) const { return std::find(missing_.begin(), missing_.end(), rank) != missing_.end(); }

void Leader::check_deadline() const {
  if (party_.system.now_ns() < party_.deadline_ns) return;
  throw party_.error(
      strettoTimeout, missing_.front(),
      format("rank {} of host {} waited in vain for {} of the ranks beside it to take the shared memory: "
             "{} ({} connections were turned away). Look at those ranks, or raise the set-up timeout",
             party_.rank, party_.host, missing_.size(), list_of(missing_), turned_away_));
}

}  // namespace stretto::shm
