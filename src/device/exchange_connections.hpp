// What an exchange (device/exchange.hpp) has with its peers on one channel: the words of its links, loaded once at the
// begin, and all that waits or tells somebody to go on. The twin of device/connections.hpp, which says what messages,
// credits and greetings are; device/interpreter.hpp says what a Machine is.
#pragma once

#include "device/exchange.hpp"
#include "device/granule.hpp"
#include "device/packets.hpp"

namespace stretto::device {

/// What the threads of a block share.
struct ExchangeLinks {
  std::uint32_t head[kMostExchangePeers];
  std::uint32_t sent[kMostExchangePeers];
  std::uint32_t received[kMostExchangePeers];
};

template <class Machine>
class ExchangeConnections {
 public:
  using Piece = Granule<static_cast<int>(kPacketPayload_bytes)>;

  STRETTO_DEVICE ExchangeConnections(Machine& machine, const Exchange& exchange, ExchangeLinks& links,
                                     std::uint32_t channel)
      : machine_(machine), exchange_(exchange), links_(links), channel_(channel) {}

  STRETTO_DEVICE const ExchangePeer& peer(std::uint32_t i) const { return exchange_.peers[i]; }
  STRETTO_DEVICE WindowHeader& header() const { return *reinterpret_cast<WindowHeader*>(exchange_.window); }
  STRETTO_DEVICE LinkWords& own_words(std::uint32_t i) const {
    return *reinterpret_cast<LinkWords*>(exchange_.window + peer(i).words_here +
                                         channel_ * exchange_.words_per_channel_bytes);
  }
  STRETTO_DEVICE LinkWords& words_at(std::uint32_t i) const {
    return *reinterpret_cast<LinkWords*>(peer(i).window + peer(i).words_there +
                                         channel_ * exchange_.words_per_channel_bytes);
  }
  /// The packets of a message, from their offset on channel 0.
  STRETTO_DEVICE std::byte* packets(std::byte* window, std::uint32_t offset, std::uint32_t message) const {
    return window + offset + channel_ * exchange_.packets_per_channel_bytes +
           (message & (exchange_.packet_slots - 1)) * exchange_.slot_bytes;
  }
  /// Whether a message goes, or comes, on this channel.
  STRETTO_DEVICE bool sends_to(std::uint32_t i) const { return channel_ < peer(i).send_channels; }
  STRETTO_DEVICE bool takes_from(std::uint32_t i) const { return channel_ < peer(i).receive_channels; }
  /// Each peer's words, on their way: by a thread of its own. keep() takes them when all other loads are on theirs.
  STRETTO_DEVICE LinkWords load_words(std::uint32_t i) const {
    LinkWords& words = own_words(i);
    LinkWords loaded;
    loaded.busy = machine_.mark(&words.busy, 1);  // first, so that who finds it free mostly reads what was left last
    loaded.head = machine_.load_credit(&words.head);
    loaded.sent = words.sent;
    loaded.received = words.received;
    return loaded;
  }
  STRETTO_DEVICE void keep_words(std::uint32_t i, const LinkWords& loaded) {
    links_.head[i] = loaded.head;
    links_.sent[i] = loaded.sent;
    links_.received[i] = loaded.received;
    found_busy_ |= loaded.busy;  // looked at when all is done
  }

  // Of rounds there is one, but for wide packets.
  STRETTO_DEVICE std::uint32_t sent(std::uint32_t i) const { return links_.sent[i]; }
  STRETTO_DEVICE std::uint32_t received(std::uint32_t i) const { return links_.received[i]; }
  /// Where a message's packets lie at a peer, and here.
  STRETTO_DEVICE std::byte* outgoing(std::uint32_t i, std::uint32_t round = 0) const {
    return packets(peer(i).window, peer(i).packets_there, links_.sent[i] + round);
  }
  STRETTO_DEVICE std::byte* incoming(std::uint32_t i, std::uint32_t round = 0) const {
    return packets(exchange_.window, peer(i).packets_here, links_.received[i] + round);
  }
  STRETTO_DEVICE std::uint32_t incoming_flag(std::uint32_t i, std::uint32_t round = 0) const {
    return links_.received[i] + round + 1;
  }

  /// As Connections::greet: gives the credits of the operation before, too. Packets go first, so whoever has received
  /// one waits for the greeting that follows it.
  STRETTO_DEVICE void greet() {
    STRETTO_NO_UNROLL
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers; i += machine_.threads()) {
      if (machine_.failed()) return;
      LinkWords& theirs = words_at(i);
      if (takes_from(i)) machine_.give_credit(&theirs.head, links_.received[i]);
      if (!sends_to(i)) continue;
      machine_.store_word(&theirs.greeting, static_cast<std::uint64_t>(exchange_.descriptor + peer(i).send_salt) << 32 |
                                                (links_.sent[i] + 1));
    }
  }

  STRETTO_DEVICE static Packet packet_of(const Piece& piece, std::uint64_t flag) {
    return Packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}};
  }
  STRETTO_DEVICE static Piece piece_of(const Packet& packet) {
    return Piece{{(packet.words[0] & 0xffffffffU) | packet.words[1] << 32}};
  }
  STRETTO_DEVICE static bool is_here(const Packet& packet, std::uint32_t flag) {
    return (packet.words[0] >> 32) == flag && (packet.words[1] >> 32) == flag;
  }

  STRETTO_DEVICE bool has_credit(std::uint32_t i, std::uint32_t round = 0) const {
    return links_.sent[i] + round - links_.head[i] < exchange_.packet_slots;
  }
  /// Until the slot is free. Rare: a credit was mostly given long ago.
  STRETTO_DEVICE void acquire(std::uint32_t i, std::uint32_t round = 0) {
    typename Machine::Patience patience(machine_);
    while (links_.sent[i] + round - machine_.load_credit(&own_words(i).head) >= exchange_.packet_slots) {
      if (!keep_waiting(patience, i, peer(i).put_step)) return;
    }
  }

  /// The thread of the first packet looks at the peer's greeting beside it, so that costs no time of its own; it
  /// follows the packet at once. A peer that is ahead has compared, too.
  STRETTO_DEVICE Piece await_packet(std::uint32_t i, std::uint32_t n) {
    const std::uint32_t flag = incoming_flag(i);
    const Packet* const packet = reinterpret_cast<const Packet*>(incoming(i)) + n;
    const std::uint64_t* const greeted = &own_words(i).greeting;
    typename Machine::Patience patience(machine_);
    std::uint64_t greeting = 0;
    Packet seen;
    while (true) {
      seen = machine_.load_packet(packet);
      if (n == 0) greeting = machine_.load_word(greeted);
      if (is_here(seen, flag) && (n != 0 || ahead(i, greeting) >= 0)) break;
      if (!keep_waiting(patience, i, peer(i).take_step)) break;
    }
    if (STRETTO_RARELY(n == 0 && !machine_.failed() && disagrees(i, greeting))) {
      machine_.disagree(peer(i).take_step, peer(i).rank);
    }
    return piece_of(seen);
  }

  /// As Connections::await_earlier.
  STRETTO_DEVICE void await_earlier() {
    if (machine_.thread() == 0) {
      typename Machine::Patience patience(machine_);
      while (static_cast<std::int32_t>(machine_.poll(&header().ended) - exchange_.after) < 0) {
        if (!machine_.keep_waiting(patience)) {
          machine_.fail(0, exchange_.rank);
          break;
        }
      }
      machine_.consume();
    }
    machine_.barrier();
  }

  /// What was sent and received counts from here in the next operation; no thread reads these words any more. Nothing
  /// goes to a peer: a kernel ends only when all its stores have arrived.
  STRETTO_DEVICE void end() {
    count_messages(1);
    STRETTO_NO_UNROLL
    for (std::uint32_t i = 0; i < exchange_.n_peers; ++i) keep_up(i);
    count_end();
  }
  /// In two steps.
  STRETTO_DEVICE void count_messages(std::uint32_t rounds) {
    if (STRETTO_RARELY(found_busy_ != 0 && !machine_.failed())) machine_.collide();
    if (STRETTO_RARELY(machine_.failed())) machine_.give_credit(&header().dead, 1);
    STRETTO_NO_UNROLL
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers && !machine_.failed(); i += machine_.threads()) {
      LinkWords& words = own_words(i);
      if (sends_to(i)) words.sent = links_.sent[i] + rounds;
      if (takes_from(i)) words.received = links_.received[i] + rounds;
      words.busy = 0;  // last, as far as nothing orders them
    }
    if constexpr (Machine::kLogs) {
      for (std::uint32_t i = 0; i < exchange_.n_peers && !machine_.failed(); ++i) {
        if (takes_from(i)) machine_.log(peer(i).release_step, rounds - 1);
      }
    }
  }
  STRETTO_DEVICE void count_end() {
    if (!exchange_.counts) return;
    machine_.barrier();
    if (machine_.thread() == 0) machine_.count(&header().ended);
  }

  /// How far the peer's greetings are ahead of the operation: 0: it is of this one.
  STRETTO_DEVICE std::int32_t ahead(std::uint32_t i, std::uint64_t greeting) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(greeting) - (links_.received[i] + 1));
  }
  STRETTO_DEVICE bool disagrees(std::uint32_t i, std::uint64_t greeting) const {
    return takes_from(i) && ahead(i, greeting) == 0 &&
           greeting >> 32 != static_cast<std::uint32_t>(exchange_.descriptor + peer(i).receive_salt);
  }
  /// Between looks at what message number `round` of the operation is to bring: false where it is time to give up.
  STRETTO_DEVICE bool keep_waiting(typename Machine::Patience& patience, std::uint32_t i, std::uint32_t step,
                                   std::uint32_t round = 0) {
    const bool goes_on = machine_.keep_waiting(patience);
    if (!STRETTO_RARELY(!goes_on || machine_.has_looked(patience))) return true;
    if (!goes_on) {
      machine_.fail(step, peer(i).rank);
      return false;
    }
    const std::uint64_t greeting = machine_.load_word(&own_words(i).greeting);
    if (disagrees(i, greeting)) {
      machine_.disagree(step, peer(i).rank);
      return false;
    }
    // So far a peer may have greeted before it has credit to send, but then what it sent before is here. What was not
    // seen since the greeting was is gone: another run gave the credit by which it was overwritten.
    const bool is_behind =
        takes_from(i) && ahead(i, greeting) >= static_cast<std::int32_t>(exchange_.packet_slots + round);
    if (is_behind && patience.was_behind) {
      machine_.collide();
      return false;
    }
    patience.was_behind = is_behind;
    return true;
  }

 private:
  /// What is due once in many messages. All threads come here, failed or not, and meet.
  STRETTO_DEVICE void keep_up(std::uint32_t i) {
    const bool is_due = (links_.sent[i] & (exchange_.shape.refresh_period - 1)) == 0;
    if (STRETTO_RARELY(is_due && sends_to(i) && machine_.thread() == 0 && !machine_.failed())) {
      machine_.give_credit(&words_at(i).tail, links_.sent[i]);
    }
    if (STRETTO_RARELY(is_to_be_refreshed(exchange_.shape, links_.received[i]) && takes_from(i))) {
      machine_.barrier();  // all have read the message
      const Window own{exchange_.window, exchange_.rank};
      refresh_packets(machine_, own, exchange_.shape, channel_, peer(i).rank, links_.received[i]);
    }
  }

  Machine& machine_;
  const Exchange& exchange_;
  ExchangeLinks& links_;
  std::uint32_t channel_;
  std::uint32_t found_busy_ = 0;
};

}  // namespace stretto::device
