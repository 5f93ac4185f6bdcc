#include "bootstrap/gate.hpp"

#include <algorithm>
#include <limits>

namespace stretto {
namespace {

constexpr std::int64_t handshake_limit_ns = 5'000'000'000;
constexpr std::int64_t eviction_age_ns = 500'000'000;
constexpr std::int64_t accept_pause_ns = 20'000'000;
constexpr std::int64_t stuck_ns = 1'000'000'000;
constexpr int accepts_per_poll = 64;

}  // namespace

Gate::Gate(System& system, Handle listener, const Key& key, Role role, Rank self, std::size_t strangers_max)
    : system_(system),
      listener_(std::move(listener)),
      key_(key),
      role_(role),
      self_(self),
      strangers_max_(strangers_max) {}

bool Gate::evict_slowest() {
  if (strangers_.empty() || system_.now_ns() - strangers_.front().since_ns < eviction_age_ns) return false;
  strangers_.pop_front();
  ++turned_away_;
  return true;
}

void Gate::accept_some() {
  const std::int64_t now_ns = system_.now_ns();
  full_ = false;
  if (now_ns < accept_again_ns_) return;
  for (int i = 0; i < accepts_per_poll; ++i) {
    if (strangers_.size() >= strangers_max_ && !evict_slowest()) {
      full_ = true;
      return;
    }
    try {
      Handle socket = system_.accept(listener_.id());
      if (!socket) {  // nobody waits, so nobody lacks a descriptor
        trouble_.clear();
        accept_again_ns_ = 0;
        return;
      }
      strangers_.push_back({Channel(system_, std::move(socket)), ServerHandshake(key_), now_ns});
      trouble_.clear();
    } catch (const Error& error) {
      // Out of descriptors: the connection waits in the kernel's queue until there is one.
      if (trouble_.empty()) trouble_since_ns_ = now_ns;
      trouble_ = error.what();
      if (evict_slowest()) continue;
      accept_again_ns_ = now_ns + accept_pause_ns;
      return;
    }
  }
}

void Gate::advance(Stranger& stranger) {
  stranger.channel.pump();
  if (stranger.leaving) {
    if (stranger.channel.flushed()) stranger.channel.close();
    return;
  }
  const HandshakeStatus status = stranger.handshake.poll(system_, stranger.channel);
  if (status == HandshakeStatus::pending) {
    stranger.channel.flush();  // the challenge goes out at once
    return;
  }
  const Introduction& introduction = stranger.handshake.introduction();
  if (status == HandshakeStatus::done && introduction.role == role_ && introduction.server == self_) {
    guests_.push_back({std::move(stranger.channel), introduction});
    stranger.channel = Channel();
    return;
  }
  ++turned_away_;
  stranger.leaving = true;
  stranger.channel.flush();
  if (stranger.channel.flushed()) stranger.channel.close();
}

void Gate::poll(const ReadySockets* ready) {
  advance_all(ready);  // what has arrived is read before the slowest is turned away for a newcomer
  accept_some();
  advance_all(ready);
}

void Gate::advance_all(const ReadySockets* ready) {
  for (Stranger& stranger : strangers_) {
    if (ready == nullptr || stranger.fresh || ready->contains(stranger.channel.socket())) advance(stranger);
  }
  const std::int64_t now_ns = system_.now_ns();
  std::erase_if(strangers_, [&](Stranger& stranger) {
    if (stranger.channel.ended()) return true;
    if (now_ns - stranger.since_ns < handshake_limit_ns) return false;
    if (!stranger.leaving) ++turned_away_;
    return true;
  });
}

bool Gate::stuck() const { return !trouble_.empty() && system_.now_ns() - trouble_since_ns_ >= stuck_ns; }

std::optional<Gate::Guest> Gate::next_guest() {
  if (guests_.empty()) return std::nullopt;
  Guest guest = std::move(guests_.front());
  guests_.pop_front();
  return guest;
}

void Gate::watch(WaitSet& waits) {
  // A listener that is not to be accepted from must not be watched either: it would stay readable.
  const bool accepting = !full_ && system_.now_ns() >= accept_again_ns_;
  const std::uint8_t events = accepting ? WaitSet::readable : 0;
  if (watched_by_ != &waits || watched_events_ != events) waits.watch(listener_.id(), events);
  watched_by_ = &waits;
  watched_events_ = events;
  for (Stranger& stranger : strangers_) {
    stranger.channel.watch(waits);
    stranger.fresh = false;
  }
}

std::int64_t Gate::next_deadline_ns() const {
  std::int64_t next_ns = std::numeric_limits<std::int64_t>::max();
  if (!strangers_.empty()) {
    next_ns = strangers_.front().since_ns + (full_ ? eviction_age_ns : handshake_limit_ns);
  }
  if (accept_again_ns_ > 0 && !trouble_.empty()) next_ns = std::min(next_ns, accept_again_ns_);
  return next_ns;
}

}  // namespace stretto
