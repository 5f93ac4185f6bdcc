#include "bootstrap/dial.hpp"

#include <algorithm>
#include <cstring>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::int64_t connect_limit_ns = 5'000 * millisecond_ns;
constexpr std::int64_t handshake_limit_ns = 10'000 * millisecond_ns;
constexpr std::int64_t pause_first_ns = 5 * millisecond_ns;
constexpr std::int64_t pause_max_ns = 200 * millisecond_ns;

}  // namespace

Dial::Dial(System& system, std::vector<Endpoint> addresses, const Key& key, const Introduction& me)
    : system_(system), addresses_(std::move(addresses)), key_(key), me_(me) {
  STRETTO_ASSERT(!addresses_.empty());
}

std::string Dial::trouble() const {
  std::string text;
  for (const Endpoint& address : addresses_) text += (text.empty() ? "" : ", ") + to_string(address);
  return last_trouble_.empty() ? text : format("{} ({})", text, last_trouble_);
}

void Dial::start() {
  const Endpoint& address = addresses_[attempts_ % addresses_.size()];
  socket_ = system_.connect_tcp(address);
  stage_ = Stage::connecting;
  next_ns_ = system_.now_ns() + connect_limit_ns;
}

void Dial::again(std::string why) {
  last_trouble_ = std::move(why);
  socket_.reset();
  channel_ = Channel();
  stage_ = Stage::idle;
  ++attempts_;
  const std::size_t round = std::min<std::size_t>(attempts_ / addresses_.size(), 10);
  next_ns_ = system_.now_ns() + std::min(pause_first_ns << round, pause_max_ns);
}

bool Dial::poll() {
  const std::int64_t now_ns = system_.now_ns();
  if (stage_ == Stage::idle && now_ns >= next_ns_) start();
  if (stage_ == Stage::connecting) {
    int os_error = 0;
    const ConnectStatus status = system_.connect_status(socket_.id(), os_error);
    if (status == ConnectStatus::failed) {
      again(std::strerror(os_error));
    } else if (status == ConnectStatus::connected) {
      local_ = system_.local_endpoint(socket_.id());
      channel_ = Channel(system_, std::move(socket_));
      handshake_ = ClientHandshake(system_, channel_, key_, me_, to_string(addresses_[attempts_ % addresses_.size()]));
      stage_ = Stage::shaking;
      next_ns_ = now_ns + handshake_limit_ns;
    } else if (now_ns >= next_ns_) {
      again("no answer to the attempt to connect");
    }
  }
  if (stage_ == Stage::shaking) {
    channel_.pump();
    const HandshakeStatus status = handshake_.poll(channel_);
    if (status == HandshakeStatus::done) return true;
    if (status == HandshakeStatus::refused) throw Error(handshake_.refusal());
    if (status == HandshakeStatus::lost)
      again("connected, but turned away before the handshake");
    else if (now_ns >= next_ns_)
      again("connected, but no answer to the handshake");
  }
  return false;
}

void Dial::watch(WaitSet& waits) {
  if (stage_ == Stage::connecting) waits.watch(socket_.id(), WaitSet::writable);
  if (stage_ == Stage::shaking) channel_.watch(waits);
}

}  // namespace stretto
