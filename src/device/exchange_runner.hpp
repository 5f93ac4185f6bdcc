// The kernel for small operations (device/exchange.hpp), whose plan's steps it runs and names. One block of threads is
// one channel. The same code is for kernels and for host threads; device/interpreter.hpp says what a Machine is,
// device/connections.hpp what messages, credits and greetings are.
//
// What costs time here is one trip over the link and the loads before it: all that nothing else is needed for is loaded
// at once, at the begin.
#pragma once

#include "device/exchange_connections.hpp"
#include "device/exchange_share.hpp"

namespace stretto::device {

/// Its code is short on purpose: a kernel that runs for two microseconds spends much of them on fetching instructions.
template <class Machine, class Arithmetic>
class ExchangeRunner {
 public:
  static constexpr int kGranule_bytes = static_cast<int>(kPacketPayload_bytes);
  static constexpr std::uint32_t kMany = 4;

  STRETTO_DEVICE ExchangeRunner(Machine& machine, const Exchange& exchange, ExchangeLinks& links, std::uint32_t channel)
      : machine_(machine),
        exchange_(exchange),
        peers_(machine, exchange, links, channel),
        channel_(channel),
        own_(ExchangeShare::of(channel, exchange.block_bytes, exchange.share_bytes)) {}

  STRETTO_DEVICE void run() {
    if (exchange_.waits) peers_.await_earlier();
    const Piece first = load_all();
    // All is sent before anything is waited for. In place too: what a thread writes later, only it has read.
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place < exchange_.n_sends; ++place) send(exchange_.send_order[place], first);
    peers_.greet();
    if (exchange_.sums) {
      sum_all(first);
    } else {
      keep_own(first);
      STRETTO_NO_UNROLL
      for (std::uint32_t place = 0; place < exchange_.n_takes; ++place) receive(exchange_.take_order[place]);
    }
    peers_.end();
  }

 private:
  using Piece = Granule<kGranule_bytes>;
  using Accumulators = Lanes<typename Arithmetic::Policy, kGranule_bytes>;
  using Factors = Lanes<typename Arithmetic::Product, kGranule_bytes>;

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
    if (has_peer) loaded = peers_.load_words(mine);
    const std::uint32_t dead = machine_.poll(&peers_.header().dead);
    Piece first{};
    if (is_own(mine)) first = load_input(exchange_.own_from + own_.begin, own_, mine);
    if (has_peer) peers_.keep_words(mine, loaded);
    if constexpr (Machine::kLeastThreads < kMostExchangePeers) {
      for (std::uint32_t i = mine + machine_.threads(); i < exchange_.n_peers; i += machine_.threads()) {
        peers_.keep_words(i, peers_.load_words(i));
      }
    }
    if (dead != 0) machine_.give_up();
    machine_.barrier();
    return first;
  }
  /// By numbers: offsets from nullptr are absolute addresses.
  STRETTO_DEVICE static std::byte* moved(const std::byte* base, std::uint64_t offset) {
    return __builtin_bit_cast(std::byte*, reinterpret_cast<std::uintptr_t>(base) + offset);
  }
  STRETTO_DEVICE Piece load_input(std::uint64_t at, const ExchangeShare& share, std::uint32_t i) const {
    const std::uint32_t offset = i * static_cast<std::uint32_t>(kGranule_bytes);
    Piece piece = load_plain<kGranule_bytes>(moved(exchange_.input, at + offset), share.left_at(i));
    if constexpr (Arithmetic::reduces) {
      if (STRETTO_RARELY(exchange_.multiplies)) piece = product(exchange_.scalar, exchange_.scalar_at, piece);
    }
    return piece;
  }
  STRETTO_DEVICE_RARE static Piece product(std::uint64_t scalar, const std::byte* scalar_at, Piece piece) {
    Factors factors;
    factors.load(piece);
    Piece by{};
    by.words[0] = scalar_of<typename Factors::Wire>(scalar, scalar_at).words[0];
    factors.combine_with(Arithmetic::Product::load(Factors::element(by, 0)));
    return factors.store();
  }
  STRETTO_DEVICE void store_output(std::uint64_t at, const ExchangeShare& share, std::uint32_t i, const Piece& piece) {
    if (machine_.failed()) return;
    const std::uint32_t offset = i * static_cast<std::uint32_t>(kGranule_bytes);
    store_plain<kGranule_bytes>(moved(exchange_.output, at + offset), piece, share.left_at(i));
  }

  /// Whether a thread has several whole pieces from packet n on, which it can move together: their loads are under way
  /// at once.
  STRETTO_DEVICE bool has_many(std::uint32_t n, const ExchangeShare& share, const std::byte* base,
                               std::uint64_t at) const {
    const auto address = reinterpret_cast<std::uintptr_t>(base) + at;
    return (n + (kMany - 1) * machine_.threads() + 1) * static_cast<std::uint32_t>(kGranule_bytes) <= share.bytes &&
           address % kGranule_bytes == 0 && !exchange_.multiplies;
  }
  STRETTO_DEVICE void load_many(std::uint64_t at, std::uint32_t n, Piece (&pieces)[kMany]) const {
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) {
      const std::uint64_t offset = static_cast<std::uint64_t>(n + k * machine_.threads()) * kGranule_bytes;
      pieces[k] = load_plain<kGranule_bytes>(moved(exchange_.input, at + offset), kGranule_bytes);
    }
  }
  STRETTO_DEVICE void store_many(std::uint64_t at, std::uint32_t n, const Piece (&pieces)[kMany]) {
    if (machine_.failed()) return;
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) {
      const std::uint64_t offset = static_cast<std::uint64_t>(n + k * machine_.threads()) * kGranule_bytes;
      store_plain<kGranule_bytes>(moved(exchange_.output, at + offset), pieces[k], kGranule_bytes);
    }
  }
  STRETTO_DEVICE void await_many(std::uint32_t i, std::uint32_t n, Piece (&pieces)[kMany]) {
    const std::uint32_t flag = peers_.incoming_flag(i);
    const Packet* const from = reinterpret_cast<const Packet*>(peers_.incoming(i)) + n;
    Packet seen[kMany];
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) seen[k] = machine_.load_packet(from + k * machine_.threads());
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) {
      const std::uint32_t place = n + k * machine_.threads();
      pieces[k] =
          place != 0 && peers_.is_here(seen[k], flag) ? peers_.piece_of(seen[k]) : peers_.await_packet(i, place);
    }
  }

  STRETTO_DEVICE void send(std::uint32_t i, const Piece& first) {
    if (!peers_.sends_to(i)) return;
    const ExchangePeer& with = peers_.peer(i);
    const ExchangeShare share = ExchangeShare::of(channel_, with.send_bytes, with.send_share_lines * kLine_bytes);
    if (STRETTO_RARELY(!peers_.has_credit(i))) peers_.acquire(i);
    Packet* const to = reinterpret_cast<Packet*>(peers_.outgoing(i));
    const std::uint64_t flag = static_cast<std::uint64_t>(peers_.sent(i) + 1) << 32;
    std::uint32_t n = machine_.thread();
    const std::uint64_t at = with.send_offset + share.begin;
    for (; has_many(n, share, exchange_.input, at) && !machine_.failed(); n += kMany * machine_.threads()) {
      Piece pieces[kMany];
      load_many(at, n, pieces);
      STRETTO_UNROLL
      for (std::uint32_t k = 0; k < kMany; ++k) {
        machine_.store_packet(to + n + k * machine_.threads(), peers_.packet_of(pieces[k], flag));
      }
    }
    STRETTO_NO_UNROLL
    for (; n < at_least_one(share) && !machine_.failed(); n += machine_.threads()) {
      Piece piece = first;
      if (n != machine_.thread() || with.send_offset != exchange_.own_from) {
        piece = n < share.packets() ? load_input(at, share, n) : Piece{};
      }
      machine_.store_packet(to + n, peers_.packet_of(piece, flag));
    }
    log_step(with.put_step);
  }

  STRETTO_DEVICE void sum_all(const Piece& first) {
    if constexpr (Arithmetic::reduces) {
      std::uint32_t n = machine_.thread();
      const std::uint64_t from = exchange_.own_from + own_.begin;
      const std::uint64_t to = exchange_.own_to + own_.begin;
      const bool aligned = (reinterpret_cast<std::uintptr_t>(exchange_.output) + to) % kGranule_bytes == 0;
      for (; aligned && has_many(n, own_, exchange_.input, from); n += kMany * machine_.threads()) {
        Piece pieces[kMany];
        load_many(from, n, pieces);
        sum(pieces, [&](std::uint32_t i, Piece(&taken)[kMany]) { await_many(i, n, taken); });
        store_many(to, n, pieces);
      }
      STRETTO_NO_UNROLL
      for (; n < at_least_one(own_); n += machine_.threads()) {
        Piece piece[1] = {first};
        if (n != machine_.thread() && is_own(n)) piece[0] = load_input(from, own_, n);
        sum(piece, [&](std::uint32_t i, Piece(&taken)[1]) { taken[0] = peers_.await_packet(i, n); });
        store_output(to, own_, n, piece[0]);
      }
      log_step(exchange_.own_step);
    }
  }
  /// Of this rank's pieces and those that take(peer, pieces) gives, in rank order.
  template <std::uint32_t count, class Take>
  STRETTO_DEVICE void sum(Piece (&pieces)[count], const Take& take) {
    Accumulators totals[count] = {};
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place <= exchange_.n_peers; ++place) {
      Piece taken[count];
      if (place != exchange_.own_place) take(place < exchange_.own_place ? place : place - 1, taken);
      STRETTO_UNROLL
      for (std::uint32_t k = 0; k < count; ++k) {
        const Piece piece = place == exchange_.own_place ? pieces[k] : taken[k];
        if (place == 0) {
          totals[k].load(piece);
        } else {
          totals[k].combine(piece);
        }
      }
    }
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < count; ++k) {
      if (STRETTO_RARELY(exchange_.divisor != 1)) totals[k].divide(exchange_.divisor);
      pieces[k] = totals[k].store();
    }
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
    if (!peers_.takes_from(i)) return;
    const ExchangePeer& with = peers_.peer(i);
    const ExchangeShare share = ExchangeShare::of(channel_, with.receive_bytes, with.receive_share_lines * kLine_bytes);
    std::uint32_t n = machine_.thread();
    const std::uint64_t to = with.receive_offset + share.begin;
    for (; has_many(n, share, exchange_.output, to); n += kMany * machine_.threads()) {
      Piece pieces[kMany];
      await_many(i, n, pieces);
      store_many(to, n, pieces);
    }
    STRETTO_NO_UNROLL
    for (; n < at_least_one(share); n += machine_.threads()) store_output(to, share, n, peers_.await_packet(i, n));
    log_step(with.take_step);
  }

  STRETTO_DEVICE void log_step(std::uint32_t step) {
    if (!machine_.failed()) machine_.log(step, 0);
  }

  Machine& machine_;
  const Exchange& exchange_;
  ExchangeConnections<Machine> peers_;
  std::uint32_t channel_;
  ExchangeShare own_;  ///< of this rank's own block
};

}  // namespace stretto::device
