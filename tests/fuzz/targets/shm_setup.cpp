// Set-up of shared memory with others on the host, members and strangers, who say anything: as the leader that hands
// the memory out, and as a joiner that is given it. It ends in a mapping of the agreed size, or in an Error; and nobody
// who does not know the key is given the memory.
#include <cstring>
#include <deque>

#include "bootstrap/unique_id.hpp"
#include "fuzz.hpp"
#include "transports/shm/handshake.hpp"
#include "transports/shm/layout.hpp"
#include "transports/shm/shm_transport.hpp"

namespace stretto::fuzz {
namespace {

constexpr int kRanks = 3;

/// A connection from or to the victim, in hostile hands.
struct Hostile {
  Handle socket;
  bool knows_key = false;
  Rank rank = -1;                ///< that it says it is, when it joins
  std::vector<std::byte> heard;  ///< and not yet answered
  bool proved = false;           ///< has sent its proof: what comes now is the memory
};

class Hosts {
 public:
  explicit Hosts(Input& input) : input_(input), world_(1, calm(input)) {
    me_ = world_.add_process(0);
    them_ = world_.add_process(0);
    config_.rank = input.ConsumeIntegralInRange(0, 2);
    config_.n_ranks = kRanks;
    config_.slot_bytes = 64;
    config_.slots = 2;
    config_.key = key_;
    config_.deadline_ns = world_.now_ns() + 5 * second_ns;
    transport_ = make_shm_transport(world_.system(me_), config_);
    mine_ = transport_->describe();
  }

  void run() {
    std::vector<std::vector<std::byte>> blobs;
    std::vector<Rank> peers;
    for (Rank rank = 0; rank < kRanks; ++rank) {
      if (rank != config_.rank) peers.push_back(rank);
      blobs.push_back(rank == config_.rank ? mine_ : some_blob(rank));
    }
    shm::Address leader;
    if (blobs.front().size() == sizeof(leader)) std::memcpy(&leader, blobs.front().data(), sizeof(leader));
    name_ = std::string(leader.name.data(), leader.name.size());
    Handle listener;
    if (config_.rank != 0) listener = theirs().listen_local(name_);
    transport_->start(blobs, peers);
    bool ready = false;
    const auto waits = world_.system(me_).make_wait_set();
    for (int i = 0; i < 60 && !ready && input_.remaining_bytes() > 0; ++i) {
      meet(listener);
      for (Hostile& hostile : hostiles_) act(hostile);
      world_.advance_to(world_.now_ns() + (input_.ConsumeIntegralInRange(0, 31) == 0 ? second_ns : 1'000'000));
      ready = transport_->poll_setup();
      transport_->watch(*waits);
      transport_->next_deadline_ns();
    }
    world_.advance_to(config_.deadline_ns);
    if (!ready && !transport_->poll_setup()) STRETTO_ASSERT(!"set-up goes on after its deadline");
    transport_->finish_setup();
    use();
  }

 private:
  System& theirs() { return world_.system(them_); }

  std::vector<std::byte> some_blob(Rank rank) {
    if (input_.ConsumeIntegralInRange(0, 15) == 0) return some_bytes(input_, 70);
    shm::Address address;
    std::memcpy(&address, mine_.data(), sizeof(address));
    address.rank = rank;
    address.name[0] = 'x';
    if (input_.ConsumeIntegralInRange(0, 15) == 0) {
      const std::size_t at = input_.ConsumeIntegralInRange<std::size_t>(0, sizeof(address) - 1);
      reinterpret_cast<std::byte*>(&address)[at] = some_byte(input_);
    }
    const auto bytes = std::as_bytes(std::span(&address, 1));
    return {bytes.begin(), bytes.end()};
  }

  void meet(const Handle& listener) {
    if (config_.rank != 0) {
      if (Handle socket = theirs().accept(listener.id())) hostiles_.push_back({std::move(socket), true, -1, {}, false});
    } else if (hostiles_.size() < 6 && input_.ConsumeBool()) {
      hostiles_.push_back({theirs().connect_local(name_), input_.ConsumeBool(), -1, {}, false});
    }
  }

  void act(Hostile& hostile) {
    if (!hostile.socket) return;
    if (!hostile.proved) listen(hostile);
    switch (input_.ConsumeIntegralInRange(0, 7)) {
      case 0:
        if (input_.ConsumeIntegralInRange(0, 7) == 0) hostile.socket.reset();
        return;
      case 1:
        if (input_.ConsumeIntegralInRange(0, 3) == 0) say(hostile, some_bytes(input_, 80));
        return;
      case 2:
        return hand_out(hostile);
      default:
        return config_.rank == 0 ? join(hostile) : lead(hostile);
    }
  }

  void say(Hostile& hostile, std::span<const std::byte> bytes) {
    if (!bytes.empty()) theirs().send(hostile.socket.id(), bytes);
  }
  void listen(Hostile& hostile) {
    std::byte bytes[200];
    const std::size_t got = theirs().receive(hostile.socket.id(), bytes).bytes;
    hostile.heard.insert(hostile.heard.end(), bytes, bytes + got);
  }
  /// The whole of a T that was heard.
  template <typename T>
  bool take(Hostile& hostile, T& value) {
    if (hostile.heard.size() < sizeof(value)) return false;
    std::memcpy(&value, hostile.heard.data(), sizeof(value));
    hostile.heard.erase(hostile.heard.begin(), hostile.heard.begin() + sizeof(value));
    return true;
  }
  shm::Party party(const Hostile& hostile) {
    TransportConfig config = config_;
    config.rank = hostile.rank;
    config.key = hostile.knows_key ? key_ : std::span<const std::byte>();
    shm::Address leader;
    leader.rank = 0;
    std::memcpy(leader.name.data(), name_.data(), leader.name.size());
    return {theirs(), config, leader, agreed_bytes()};
  }

  /// As a leader does: the victim's hello is answered by a challenge.
  void lead(Hostile& hostile) {
    shm::Hello hello;
    if (!take(hostile, hello)) return;
    const shm::Challenge challenge{
        {}, party(hostile).prove(shm::Party::Role::leader, hello.rank, hello.nonce, shm::Nonce{})};
    say(hostile, std::as_bytes(std::span(&challenge, 1)));
  }
  /// Memory of some size; the agreed one is among them.
  void hand_out(Hostile& hostile) {
    const std::size_t bytes = input_.ConsumeBool() ? agreed_bytes() : input_.ConsumeIntegralInRange(1U, 40'000U);
    const Handle memory = theirs().create_memory(bytes, "hostile");
    theirs().send_memory(hostile.socket.id(), memory.id());
  }

  /// As a joiner does: hello, then the proof, then the byte that says that the memory is mapped.
  void join(Hostile& hostile) {
    shm::Challenge challenge;
    if (hostile.rank == -1) {
      hostile.rank = input_.ConsumeIntegralInRange(0, kRanks);
      shm::Hello hello;
      hello.rank = hostile.rank;
      say(hostile, std::as_bytes(std::span(&hello, 1)));
    } else if (hostile.proved) {
      Handle memory;
      if (theirs().receive_memory(hostile.socket.id(), memory).bytes == 0) return;
      STRETTO_ASSERT(hostile.knows_key && theirs().memory_bytes(memory.id()) == agreed_bytes());
      say(hostile, std::as_bytes(std::span("1", 1)));
    } else if (take(hostile, challenge)) {
      say(hostile, party(hostile).prove(shm::Party::Role::joiner, hostile.rank, shm::Nonce{}, challenge.nonce));
      hostile.proved = true;
    }
  }

  std::size_t agreed_bytes() const {
    return shm::Layout(kRanks, static_cast<std::size_t>(config_.channels), config_.slots, config_.slot_bytes).bytes();
  }

  /// The victim uses what it was given, all of it.
  void use() {
    const std::vector<std::byte> message(config_.slot_bytes);
    std::vector<std::byte> received(config_.slot_bytes);
    for (Rank peer = 0; peer < kRanks; ++peer) {
      if (peer == config_.rank) continue;
      SendPort& send = transport_->send_port(peer, 0);
      for (std::uint32_t i = 0; i < config_.slots && send.try_acquire(); ++i) {
        send.put(message.data(), message.size());
        send.signal(message.size(), OpTag{});
      }
      ReceivePort& receive = transport_->receive_port(peer, 0);
      if (receive.try_wait()) receive.get(received.data(), receive.bytes());
    }
  }

  Input& input_;
  sim::SimWorld world_;
  int me_ = 0, them_ = 0;
  std::vector<std::byte> key_ = std::vector<std::byte>(32, std::byte{5});
  TransportConfig config_;
  std::unique_ptr<Transport> transport_;
  std::vector<std::byte> mine_;
  std::string name_;  ///< of the leader's socket
  std::deque<Hostile> hostiles_;
};

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  stretto::require_crypto();
  stretto::fuzz::Input input(data, size);
  try {
    stretto::fuzz::Hosts(input).run();
  } catch (const stretto::Error& error) {
    STRETTO_ASSERT(error.info().code != strettoInternalError && !error.info().text.empty());
  }
  return 0;
}
