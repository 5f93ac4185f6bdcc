#include "transports/cuda_ipc/descriptor_exchange.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <utility>

#include "base/text.hpp"

namespace stretto {
namespace {

/// Sent whole or not at all: it is the first that a new socket takes.
struct Hello {
  std::uint32_t magic = 0x53475055;
  std::uint32_t rank = 0;
};

std::string unguessable_name(System& system) {
  std::array<std::byte, 16> random{};
  system.fill_random(random);
  std::string name = "stretto-gpu-";
  for (const std::byte byte : random) name += format("{:02x}", static_cast<unsigned>(byte));
  return name;
}

[[noreturn]] void fail(strettoResult_t code, Rank peer, std::string text) {
  ErrorInfo info;
  info.code = code;
  info.peer = peer;
  info.text = std::move(text);
  throw Error(std::move(info));
}

/// What the system refused, with whom it concerns.
[[noreturn]] void fail(const Error& error, Rank peer) {
  ErrorInfo info = error.info();
  info.peer = peer;
  throw Error(std::move(info));
}

}  // namespace

DescriptorExchange::DescriptorExchange(System& system, Rank rank)
    : system_(system), rank_(rank), name_(unguessable_name(system)), listener_(system.listen_local(name_)) {}

void DescriptorExchange::start(std::vector<Peer> peers, Handle own, std::int64_t deadline_ns) {
  deadline_ns_ = deadline_ns;
  own_ = std::move(own);
  for (Peer& peer : peers) outgoing_.push_back({std::move(peer), {}});
  started_ = true;
}

bool DescriptorExchange::poll() {
  if (!started_) return false;
  if (!listener_) return true;
  bool sent = true;
  for (Outgoing& each : outgoing_) {
    try {
      sent = send(each) && sent;
    } catch (const Error& error) {
      fail(error, each.peer.rank);
    }
  }
  accept_all();
  std::erase_if(incoming_, [this](Incoming& each) {
    try {
      return receive(each);
    } catch (const Error& error) {
      fail(error, each.rank.value_or(-1));
    }
  });
  if (!sent || received_.size() < outgoing_.size()) {
    check_deadline();
    return false;
  }
  listener_.reset();
  incoming_.clear();
  own_.reset();
  return true;
}

void DescriptorExchange::check_deadline() const {
  if (system_.now_ns() < deadline_ns_) return;
  std::string late;
  Rank first = -1;
  for (const Outgoing& each : outgoing_) {
    if (each.done && received_.contains(each.peer.rank)) continue;
    if (first < 0) first = each.peer.rank;
    late += format("{}{}", late.empty() ? "" : ", ", each.peer.rank);
  }
  fail(strettoTimeout, first,
       format("rank {} has waited until the deadline to exchange GPU memory with ranks that have not come: {}. Check "
              "that they are not stopped; raise STRETTO_SETUP_TIMEOUT_MS if they are slow",
              rank_, late));
}

bool DescriptorExchange::send(Outgoing& to) {
  if (to.done) return true;
  if (!to.socket) to.socket = system_.connect_local(to.peer.name);
  int os_error = 0;
  const ConnectStatus status = system_.connect_status(to.socket.id(), os_error);
  if (status == ConnectStatus::pending) return false;
  IoStatus io = status == ConnectStatus::connected ? IoStatus::ok : IoStatus::closed;
  if (io == IoStatus::ok && !to.greeted) {
    if (system_.peer_credentials(to.socket.id()).user != system_.user()) {
      fail(strettoSystemError, to.peer.rank,
           format("rank {} runs as another user than rank {}: start all ranks of a host as one user", to.peer.rank,
                  rank_));
    }
    const Hello hello{Hello().magic, static_cast<std::uint32_t>(rank_)};
    io = system_.send(to.socket.id(), std::as_bytes(std::span(&hello, 1))).status;
    to.greeted = io == IoStatus::ok;
  }
  if (io == IoStatus::ok) io = system_.send_memory(to.socket.id(), own_.id()).status;
  if (io == IoStatus::would_block) return false;
  if (io != IoStatus::ok) {
    fail(strettoRemoteError, to.peer.rank,
         format("rank {} does not take the GPU memory of rank {}: it failed or was killed (its own error says why), or "
                "it is in another network namespace, which processes that share GPUs must have in common",
                to.peer.rank, rank_));
  }
  to.socket.reset();
  to.done = true;
  return true;
}

void DescriptorExchange::accept_all() {
  while (Handle socket = system_.accept(listener_.id())) {
    if (system_.peer_credentials(socket.id()).user == system_.user()) incoming_.push_back({std::move(socket), {}});
  }
}

/// Who is no peer of the exchange, or comes twice, is hung up on.
bool DescriptorExchange::receive(Incoming& from) {
  if (!from.rank) {
    Hello hello;
    const IoResult io = system_.receive(from.socket.id(), std::as_writable_bytes(std::span(&hello, 1)));
    if (io.status == IoStatus::would_block) return false;
    const auto rank = static_cast<Rank>(hello.rank);
    const bool is_peer = std::ranges::any_of(outgoing_, [&](const Outgoing& each) { return each.peer.rank == rank; });
    if (io.status != IoStatus::ok || io.bytes != sizeof hello || hello.magic != Hello().magic || !is_peer) return true;
    from.rank = rank;
  }
  Handle descriptor;
  const IoResult io = system_.receive_memory(from.socket.id(), descriptor);
  if (io.status == IoStatus::would_block) return false;
  if (io.status == IoStatus::ok) {
    received_.try_emplace(*from.rank, std::move(descriptor));
  } else if (!received_.contains(*from.rank)) {
    fail(strettoRemoteError, *from.rank,
         format("rank {} has not got the GPU memory of rank {}, which hung up: its own error says why", rank_,
                *from.rank));
  }
  return true;
}

void DescriptorExchange::watch(WaitSet& waits) const {
  if (!started_) return;
  if (listener_) waits.watch(listener_.id(), WaitSet::readable);
  for (const Incoming& each : incoming_) waits.watch(each.socket.id(), WaitSet::readable);
  for (const Outgoing& each : outgoing_) {
    if (each.socket) waits.watch(each.socket.id(), WaitSet::writable);
  }
}

}  // namespace stretto
