// The kernel for small operations (device/exchange.hpp), whose plan's steps it runs and names. One block of threads is
// one channel. The same code is for kernels and for host threads; device/interpreter.hpp says what a Machine is,
// device/connections.hpp what messages, credits and greetings are.
//
// What costs time here is one trip over the link and the loads before it: all that nothing else is needed for is loaded
// at once, at the begin.
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

/// A channel's part of a message or a block.
struct ExchangeShare {
  std::uint64_t begin;
  std::uint32_t bytes;

  STRETTO_DEVICE static ExchangeShare of(std::uint32_t channel, std::uint64_t bytes, std::uint64_t share_bytes) {
    const std::uint64_t offset = channel * share_bytes;
    const std::uint64_t begin = offset < bytes ? offset : bytes;
    const std::uint64_t left = bytes - begin;
    return {begin, static_cast<std::uint32_t>(left < share_bytes ? left : share_bytes)};
  }
  STRETTO_DEVICE std::uint32_t packets() const {
    return (bytes + static_cast<std::uint32_t>(kPacketPayload_bytes) - 1) /
           static_cast<std::uint32_t>(kPacketPayload_bytes);
  }
  STRETTO_DEVICE std::uint32_t left_at(std::uint32_t packet) const {
    const std::uint32_t offset = packet * static_cast<std::uint32_t>(kPacketPayload_bytes);
    return bytes > offset ? bytes - offset : 0;
  }
};

/// Its code is short on purpose: a kernel that runs for two microseconds spends much of them on fetching instructions.
template <class Machine, class Arithmetic>
class ExchangeRunner {
 public:
  static constexpr int kGranule_bytes = static_cast<int>(kPacketPayload_bytes);

  STRETTO_DEVICE ExchangeRunner(Machine& machine, const Exchange& exchange, ExchangeLinks& links, std::uint32_t channel)
      : machine_(machine),
        exchange_(exchange),
        links_(links),
        channel_(channel),
        own_(ExchangeShare::of(channel, exchange.block_bytes, exchange.share_bytes)) {}

  STRETTO_DEVICE void run() {
    if (exchange_.waits) await_earlier();
    const Piece first = load_all();
    // All is sent before anything is waited for. In place too: what a thread writes later, only it has read.
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place < exchange_.n_sends; ++place) send(exchange_.send_order[place], first);
    greet();
    if (exchange_.sums) {
      sum_all(first);
    } else {
      keep_own(first);
      STRETTO_NO_UNROLL
      for (std::uint32_t place = 0; place < exchange_.n_takes; ++place) receive(exchange_.take_order[place]);
    }
    end();
  }

 private:
  using Piece = Granule<kGranule_bytes>;
  using Accumulators = Lanes<typename Arithmetic::Policy, kGranule_bytes>;
  using Factors = Lanes<typename Arithmetic::Product, kGranule_bytes>;

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
  STRETTO_DEVICE Packet* packets(std::byte* window, std::uint32_t offset, std::uint32_t message) const {
    return reinterpret_cast<Packet*>(window + offset + channel_ * exchange_.packets_per_channel_bytes +
                                     (message & (exchange_.packet_slots - 1)) * exchange_.slot_bytes);
  }
  /// Whether a message goes, or comes, on this channel.
  STRETTO_DEVICE bool sends_to(std::uint32_t i) const { return channel_ < peer(i).send_channels; }
  STRETTO_DEVICE bool takes_from(std::uint32_t i) const { return channel_ < peer(i).receive_channels; }
  /// A message has one packet at least, so that ranks meet even over nothing.
  STRETTO_DEVICE static std::uint32_t at_least_one(const ExchangeShare& share) {
    const std::uint32_t packets = share.packets();
    return packets != 0 ? packets : 1;
  }
  STRETTO_DEVICE bool is_own(std::uint32_t i) const { return exchange_.own_from != kNowhere && i < own_.packets(); }

  /// All that depends on nothing is on its way before any of it is looked at. Each peer's words are loaded by a thread
  /// of its own. Returns this thread's first piece of the rank's own block, which most need.
  STRETTO_DEVICE Piece load_all() {
    const std::uint32_t mine = machine_.thread();
    const bool has_peer = mine < exchange_.n_peers;
    LinkWords loaded;
    if (has_peer) loaded = load_words(mine);
    const std::uint32_t dead = machine_.poll(&header().dead);
    Piece first{};
    if (is_own(mine)) first = load_input(exchange_.own_from + own_.begin, own_, mine);
    if (has_peer) {
      keep_words(mine, loaded);
      found_busy_ = machine_.mark(&own_words(mine).busy, 1);  // looked at when all is done
    }
    if constexpr (Machine::kLeastThreads < kMostExchangePeers) {
      for (std::uint32_t i = mine + machine_.threads(); i < exchange_.n_peers; i += machine_.threads()) {
        keep_words(i, load_words(i));
        found_busy_ |= machine_.mark(&own_words(i).busy, 1);
      }
    }
    if (dead != 0) machine_.give_up();
    machine_.barrier();
    return first;
  }
  STRETTO_DEVICE LinkWords load_words(std::uint32_t i) const {
    const LinkWords& words = own_words(i);
    LinkWords loaded;
    loaded.head = machine_.load_credit(&words.head);
    loaded.sent = words.sent;
    loaded.received = words.received;
    return loaded;
  }
  STRETTO_DEVICE void keep_words(std::uint32_t i, const LinkWords& loaded) {
    links_.head[i] = loaded.head;
    links_.sent[i] = loaded.sent;
    links_.received[i] = loaded.received;
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
      machine_.store_word(&theirs.greeting,
                          static_cast<std::uint64_t>(exchange_.descriptor) << 32 | (links_.sent[i] + 1));
    }
  }
  /// How far the peer's greetings are ahead of the operation: 0: it is of this one.
  STRETTO_DEVICE std::int32_t ahead(std::uint32_t i, std::uint64_t greeting) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(greeting) - (links_.received[i] + 1));
  }
  STRETTO_DEVICE bool disagrees(std::uint32_t i, std::uint64_t greeting) const {
    return takes_from(i) && ahead(i, greeting) == 0 && greeting >> 32 != exchange_.descriptor;
  }

  /// By numbers: offsets from nullptr are absolute addresses.
  STRETTO_DEVICE static std::byte* moved(const std::byte* base, std::uint64_t offset) {
    return __builtin_bit_cast(std::byte*, reinterpret_cast<std::uintptr_t>(base) + offset);
  }
  STRETTO_DEVICE Piece load_input(std::uint64_t at, const ExchangeShare& share, std::uint32_t i) const {
    const std::uint32_t offset = i * static_cast<std::uint32_t>(kGranule_bytes);
    Piece piece = load_plain<kGranule_bytes>(moved(exchange_.input, at + offset), share.left_at(i));
    if constexpr (Arithmetic::reduces) {
      if (STRETTO_RARELY(exchange_.multiplies)) piece = product(exchange_.scalar, piece);
    }
    return piece;
  }
  STRETTO_DEVICE_RARE static Piece product(std::uint64_t scalar, Piece piece) {
    Factors factors;
    factors.load(piece);
    Piece by{};
    by.words[0] = scalar;
    factors.combine_with(Arithmetic::Product::load(Factors::element(by, 0)));
    return factors.store();
  }
  STRETTO_DEVICE void store_output(std::uint64_t at, const ExchangeShare& share, std::uint32_t i, const Piece& piece) {
    if (machine_.failed()) return;
    const std::uint32_t offset = i * static_cast<std::uint32_t>(kGranule_bytes);
    store_plain<kGranule_bytes>(moved(exchange_.output, at + offset), piece, share.left_at(i));
  }

  STRETTO_DEVICE void send(std::uint32_t i, const Piece& first) {
    if (!sends_to(i)) return;
    const ExchangePeer& with = peer(i);
    const ExchangeShare share = ExchangeShare::of(channel_, with.send_bytes, with.send_share_lines * kLine_bytes);
    const std::uint32_t message = links_.sent[i];
    if (STRETTO_RARELY(message - links_.head[i] >= exchange_.packet_slots)) acquire(i);
    Packet* const to = packets(with.window, with.packets_there, message);
    const std::uint64_t flag = static_cast<std::uint64_t>(message + 1) << 32;
    STRETTO_NO_UNROLL
    for (std::uint32_t n = machine_.thread(); n < at_least_one(share) && !machine_.failed(); n += machine_.threads()) {
      Piece piece = first;
      if (n != machine_.thread() || with.send_offset != exchange_.own_from) {
        piece = n < share.packets() ? load_input(with.send_offset + share.begin, share, n) : Piece{};
      }
      machine_.store_packet(to + n, Packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}});
    }
    log_step(with.put_step);
  }

  /// Until the slot is free. Rare: a credit was mostly given long ago.
  STRETTO_DEVICE void acquire(std::uint32_t i) {
    typename Machine::Patience patience(machine_);
    while (links_.sent[i] - machine_.load_credit(&own_words(i).head) >= exchange_.packet_slots) {
      if (!keep_waiting(patience, i, peer(i).put_step)) return;
    }
  }

  STRETTO_DEVICE bool keep_waiting(typename Machine::Patience& patience, std::uint32_t i, std::uint32_t step) {
    const bool goes_on = machine_.keep_waiting(patience);
    if (!STRETTO_RARELY(!goes_on || machine_.has_looked(patience))) return true;
    if (!goes_on) {
      machine_.fail(step, peer(i).rank);
      return false;
    }
    if (!disagrees(i, machine_.load_word(&own_words(i).greeting))) return true;
    machine_.disagree(step, peer(i).rank);
    return false;
  }

  /// The thread of the first packet looks at the peer's greeting beside it, so that costs no time of its own; it
  /// follows the packet at once. A peer that is ahead has compared, too.
  STRETTO_DEVICE Piece await_packet(std::uint32_t i, std::uint32_t n) {
    const std::uint32_t flag = links_.received[i] + 1;
    const Packet* const packet = packets(exchange_.window, peer(i).packets_here, links_.received[i]) + n;
    const std::uint64_t* const greeted = &own_words(i).greeting;
    typename Machine::Patience patience(machine_);
    std::uint64_t greeting = 0;
    Packet seen;
    while (true) {
      seen = machine_.load_packet(packet);
      if (n == 0) greeting = machine_.load_word(greeted);
      const bool is_here = (seen.words[0] >> 32) == flag && (seen.words[1] >> 32) == flag;
      if (is_here && (n != 0 || ahead(i, greeting) >= 0)) break;
      if (!keep_waiting(patience, i, peer(i).take_step)) break;
    }
    if (STRETTO_RARELY(n == 0 && !machine_.failed() && disagrees(i, greeting))) {
      machine_.disagree(peer(i).take_step, peer(i).rank);
    }
    Piece piece{};
    piece.words[0] = (seen.words[0] & 0xffffffffU) | seen.words[1] << 32;
    return piece;
  }

  STRETTO_DEVICE void sum_all(const Piece& first) {
    if constexpr (Arithmetic::reduces) {
      STRETTO_NO_UNROLL
      for (std::uint32_t n = machine_.thread(); n < at_least_one(own_); n += machine_.threads()) {
        Piece own = first;
        if (n != machine_.thread() && is_own(n)) own = load_input(exchange_.own_from + own_.begin, own_, n);
        store_output(exchange_.own_to + own_.begin, own_, n, sum(own, n));
      }
      log_step(exchange_.own_step);
    }
  }
  STRETTO_DEVICE Piece sum(const Piece& own, std::uint32_t n) {
    Accumulators total;
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place <= exchange_.n_peers; ++place) {
      const std::uint32_t i = place < exchange_.own_place ? place : place - 1;
      const Piece piece = place == exchange_.own_place ? own : await_packet(i, n);
      if (place == 0) {
        total.load(piece);
      } else {
        total.combine(piece);
      }
    }
    if (STRETTO_RARELY(exchange_.divisor != 1)) total.divide(exchange_.divisor);
    return total.store();
  }

  STRETTO_DEVICE void keep_own(const Piece& first) {
    if (exchange_.own_to == kNowhere) return;
    const bool stays = exchange_.output + exchange_.own_to == exchange_.input + exchange_.own_from;
    const std::uint32_t n_packets = stays && !exchange_.multiplies ? 0 : own_.packets();
    STRETTO_NO_UNROLL
    for (std::uint32_t n = machine_.thread(); n < n_packets; n += machine_.threads()) {
      const Piece piece = n == machine_.thread() ? first : load_input(exchange_.own_from + own_.begin, own_, n);
      store_output(exchange_.own_to + own_.begin, own_, n, piece);
    }
    log_step(exchange_.own_step);
  }

  STRETTO_DEVICE void receive(std::uint32_t i) {
    if (!takes_from(i)) return;
    const ExchangePeer& with = peer(i);
    const ExchangeShare share = ExchangeShare::of(channel_, with.receive_bytes, with.receive_share_lines * kLine_bytes);
    STRETTO_NO_UNROLL
    for (std::uint32_t n = machine_.thread(); n < at_least_one(share); n += machine_.threads()) {
      store_output(with.receive_offset + share.begin, share, n, await_packet(i, n));
    }
    log_step(with.take_step);
  }

  STRETTO_DEVICE void log_step(std::uint32_t step) {
    if (!machine_.failed()) machine_.log(step, 0);
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
    if (STRETTO_RARELY(found_busy_ != 0 && !machine_.failed())) machine_.collide();
    if (STRETTO_RARELY(machine_.failed())) machine_.give_credit(&header().dead, 1);
    STRETTO_NO_UNROLL
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers && !machine_.failed(); i += machine_.threads()) {
      LinkWords& words = own_words(i);
      words.busy = 0;
      if (sends_to(i)) words.sent = links_.sent[i] + 1;
      if (takes_from(i)) words.received = links_.received[i] + 1;
    }
    if constexpr (Machine::kLogs) {
      for (std::uint32_t i = 0; i < exchange_.n_peers && !machine_.failed(); ++i) {
        if (takes_from(i)) machine_.log(peer(i).release_step, 0);
      }
    }
    STRETTO_NO_UNROLL
    for (std::uint32_t i = 0; i < exchange_.n_peers; ++i) keep_up(i);
    if (!exchange_.counts) return;
    machine_.barrier();
    if (machine_.thread() == 0) machine_.count(&header().ended);
  }

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
  ExchangeShare own_;  ///< of this rank's own block
  std::uint32_t found_busy_ = 0;
};

}  // namespace stretto::device
