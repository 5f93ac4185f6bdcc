#include "transports/shm/joiner.hpp"

#include <algorithm>
#include <limits>

#include "base/text.hpp"

namespace stretto::shm {
namespace {

/// Between attempts to connect while the leader does not listen yet. They grow: on a machine with more ranks than cores
/// the attempts of many would keep the leader from its work.
constexpr std::int64_t kFirstRetryNs = 500'000;
constexpr std::int64_t kLastRetryNs = 16'000'000;

}  // namespace

bool Joiner::poll() {
  if (state_ == State::connect && connect()) state_ = State::challenge;
  if (state_ == State::challenge && answer()) state_ = State::memory;
  if (state_ == State::memory && receive_memory()) state_ = State::confirm;
  if (state_ == State::confirm && went_through(wire_->flush(party_.system))) {
    state_ = State::finished;
    wire_.reset();  // the leader hangs up too: an open socket would wake us for nothing
  }
  if (state_ == State::finished) return true;
  check_deadline();
  return false;
}

bool Joiner::connect() {
  if (!pending_) {
    const std::int64_t now_ns = party_.system.now_ns();
    if (now_ns < retry_ns_) return false;
    retry_interval_ns_ = std::clamp(2 * retry_interval_ns_, kFirstRetryNs, kLastRetryNs);
    retry_ns_ = now_ns + retry_interval_ns_;
    pending_ = party_.system.connect_local(party_.name);
  }
  int os_error = 0;
  const ConnectStatus status = party_.system.connect_status(pending_.id(), os_error);
  if (status == ConnectStatus::failed) pending_.reset();  // nobody listens yet: again, until the deadline
  if (status != ConnectStatus::connected) return false;
  if (party_.system.peer_credentials(pending_.id()).user != party_.system.user()) {
    throw party_.error(
        strettoSystemError, party_.leader,
        format("the process that listens for rank {} on host {} runs as another user: start all ranks of "
               "a host as one user",
               party_.leader, party_.host));
  }
  wire_.emplace(std::move(pending_));
  hello_.rank = party_.rank;
  hello_.nonce = party_.make_nonce();
  wire_->queue(std::as_bytes(std::span(&hello_, 1)));
  return true;
}

void Joiner::watch(WaitSet& waits) {
  if (pending_) waits.watch(pending_.id(), WaitSet::writable);
  if (wire_) wire_->watch(waits);
}

std::int64_t Joiner::next_deadline_ns() const {
  return state_ == State::connect && !pending_ ? retry_ns_ : std::numeric_limits<std::int64_t>::max();
}

bool Joiner::answer() {
  if (!went_through(wire_->flush(party_.system))) return false;
  if (!went_through(wire_->fill(party_.system, std::as_writable_bytes(std::span(&challenge_, 1))))) return false;
  const Proof expected = party_.prove(Party::Role::leader, party_.rank, hello_.nonce, challenge_.nonce);
  if (!equal(challenge_.proof, expected)) {
    throw party_.error(strettoInvalidUsage, party_.leader,
                       format("rank {} on host {} does not know this communicator's key as rank {} knows it: give all "
                              "ranks the same unique id",
                              party_.leader, party_.host, party_.rank));
  }
  const Proof proof = party_.prove(Party::Role::joiner, party_.rank, hello_.nonce, challenge_.nonce);
  wire_->queue(proof);
  return true;
}

bool Joiner::receive_memory() {
  if (!went_through(wire_->flush(party_.system))) return false;
  Handle memory;
  if (!went_through(party_.system.receive_memory(wire_->id(), memory).status)) return false;
  map(memory);
  constexpr std::byte kMapped{1};
  wire_->queue(std::span(&kMapped, 1));
  return true;
}

void Joiner::map(const Handle& memory) {
  // A smaller object than agreed would mean a fault at the first touch beyond its end.
  const std::size_t bytes = memory ? party_.system.memory_bytes(memory.id()) : 0;
  if (bytes < party_.memory_bytes) {
    throw party_.error(
        strettoRemoteError, party_.leader,
        format("rank {} handed out shared memory of {} bytes where {} are needed: use the same version of "
               "stretto on all ranks",
               party_.leader, bytes, party_.memory_bytes));
  }
  try {
    mapping_ = party_.system.map_memory(memory.id(), party_.memory_bytes);
  } catch (const Error& error) {
    throw party_.error(error.info().code, -1,
                       format("rank {} could not map {} bytes of shared memory of host {}: {}. Raise this process's "
                              "limit of address space (ulimit -v), or ask for fewer channels or smaller slots",
                              party_.rank, party_.memory_bytes, party_.host, error.what()));
  }
}

bool Joiner::went_through(IoStatus status) const {
  if (status == IoStatus::ok) return true;
  if (status == IoStatus::would_block) return false;
  throw party_.error(
      strettoRemoteError, party_.leader,
      format("rank {} closed the connection before rank {} had the shared memory of host {}: it failed or "
             "was killed (its own error says why), or it was told another unique id",
             party_.leader, party_.rank, party_.host));
}

void Joiner::check_deadline() const {
  if (party_.system.now_ns() < party_.deadline_ns) return;
  const char* what = state_ == State::connect ? "to listen" : "to hand it out";
  throw party_.error(strettoTimeout, party_.leader,
                     format("rank {} waited in vain for rank {}, which makes the shared memory of host {}, {}: look at "
                            "that rank, or raise the set-up timeout",
                            party_.rank, party_.leader, party_.host, what));
}

}  // namespace stretto::shm
