// The kernel for exchanges by wide packets (device/exchange.hpp): operations of middle size, for which packets would
// waste half of the link, and slots their fences. It runs the steps of a plan, and names them. One block of threads is
// one channel. The same code is for kernels and for host threads; device/interpreter.hpp says what a Machine is,
// device/connections.hpp what messages, credits and greetings are.
//
// A plan's round is a message of each connection. The next round's messages are sent before this one's are taken: so a
// link has something to carry while a block waits and adds. A thread has the same places of the messages of one round
// of all peers, to be sent and to be taken: nothing is handed on within a block, and what a thread writes in place only
// it has read.
//
// A wide packet is written and read by the neighbouring threads of a warp at once, so warps stay together: whatever a
// thread waits for, or gives up, its warp does (Machine::all). Beyond device/interpreter.hpp a Machine has
//
//   kWidePieces                  of a wide packet's pieces, what a thread has: one, or all where a thread is a warp
//   lane()                       this thread's place in its warp
//   all(condition)               whether all threads of the warp say so; they come here together
//   load_wide(at, ends, flag, words), store_wide(at, ends, flag, words)
//                                this thread's pieces, which lie at `at`; `ends`: with the flag at their end. Loaded:
//                                whether the packet is of that message, as far as this thread has seen
#pragma once

#include "device/exchange_connections.hpp"
#include "device/exchange_share.hpp"

namespace stretto::device {

/// `plain`: all that is moved are whole words at addresses of words (is_plain in device/exchange.hpp): most calls,
/// whose code is short. A rank's own affair.
template <class Machine, class Arithmetic, bool plain>
class WideExchangeRunner {
 public:
  STRETTO_DEVICE WideExchangeRunner(Machine& machine, const Exchange& exchange, ExchangeLinks& links,
                                    std::uint32_t channel)
      : machine_(machine),
        exchange_(exchange),
        peers_(machine, exchange, links, channel),
        channel_(channel),
        share_(ExchangeShare::of(channel, exchange.block_bytes, exchange.share_bytes)),
        rounds_(WideRounds::of(share_.bytes, static_cast<std::uint32_t>(exchange.shape.wide_capacity_bytes()))),
        stride_bytes_(machine.threads() / kUnitsPerPacket * kPayload_bytes),
        ends_(machine.thread() % kUnitsPerPacket + 1 == kUnitsPerPacket) {}

  STRETTO_DEVICE void run() {
    if (STRETTO_RARELY(exchange_.waits)) peers_.await_earlier();
    Pieces first[kMany];
    load_all(first);
    send_all(0, first);
    peers_.greet();
    STRETTO_NO_UNROLL
    for (std::uint32_t round = 0; round < rounds_.count; ++round) {
      if (round + 1 < rounds_.count) send_all(round + 1, first);
      take_all(round);
      release(round);
    }
    peers_.count_messages(rounds_.count);
    peers_.count_end();
  }

 private:
  static constexpr int kGranule_bytes = 8;
  /// Units of a thread that are under way at once. A unit is what a thread has of a wide packet.
  static constexpr std::uint32_t kMany = plain ? 2 : 1;
  static constexpr std::uint32_t kPieces = Machine::kWidePieces;
  static constexpr std::uint32_t kUnitsPerPacket = WidePacket::kPieces / kPieces;
  static constexpr std::uint32_t kWords = 2 * kPieces;
  static constexpr std::uint32_t kUnit_bytes = sizeof(WidePacket) / kUnitsPerPacket;
  static constexpr auto kPayload_bytes = static_cast<std::uint32_t>(kWidePayload_bytes);

  using Word = Granule<kGranule_bytes>;
  using Values = Lanes<typename Arithmetic::Policy, kGranule_bytes>;
  using Factors = Lanes<typename Arithmetic::Product, kGranule_bytes>;
  struct Pieces {
    Word words[kWords];
  };

  /// A round's part of a block.
  struct Message {
    std::uint64_t begin;  ///< in the block
    std::uint32_t bytes;

    /// One at least, so that ranks meet even over nothing.
    STRETTO_DEVICE std::uint32_t units() const {
      const std::uint32_t packets = (bytes + kPayload_bytes - 1) / kPayload_bytes;
      return (packets != 0 ? packets : 1) * kUnitsPerPacket;
    }
  };
  STRETTO_DEVICE Message message(std::uint32_t round) const {
    const ExchangeShare part = ExchangeShare::of(round, share_.bytes, rounds_.message_bytes);
    return {share_.begin + part.begin, part.bytes};
  }
  /// A unit of a message: its number, and the payload before it. A block's threads are whole packets of them.
  struct Unit {
    std::uint32_t number;
    std::uint32_t offset_bytes;
  };
  STRETTO_DEVICE Unit first_unit() const {
    const std::uint32_t thread = machine_.thread();
    return {thread, thread / kUnitsPerPacket * kPayload_bytes + thread % kUnitsPerPacket * kUnit_bytes};
  }
  /// Of those of this thread that are under way at once.
  STRETTO_DEVICE Unit unit_at(const Unit& first, std::uint32_t k) const {
    return {first.number + k * machine_.threads(), first.offset_bytes + k * stride_bytes_};
  }
  /// Warps stay together.
  STRETTO_DEVICE bool has_more(const Unit& first, std::uint32_t units) const {
    return first.number - machine_.lane() < units;
  }
  STRETTO_DEVICE bool has_word(const Message& message, const Unit& unit, std::uint32_t word) const {
    return unit.offset_bytes + word * kGranule_bytes < message.bytes && (word + 1 < kWords || !ends_);
  }
  STRETTO_DEVICE static std::byte* moved(const std::byte* base, std::uint64_t offset) {
    return const_cast<std::byte*>(base) + offset;
  }

  STRETTO_DEVICE void load(const std::byte* at, const Message& message, const Unit& unit, Pieces& to) const {
    const std::byte* const from = at + unit.offset_bytes;
    STRETTO_UNROLL
    for (std::uint32_t i = 0; i < kWords; ++i) {
      if (!has_word(message, unit, i)) continue;
      if constexpr (plain) {
        to.words[i] = load_whole(from + i * kGranule_bytes);
      } else {
        const std::uint32_t left = message.bytes - unit.offset_bytes - i * kGranule_bytes;
        to.words[i] = load_plain<kGranule_bytes>(from + i * kGranule_bytes, left);
        if constexpr (Arithmetic::reduces) {
          if (exchange_.multiplies) to.words[i] = product(exchange_.scalar, exchange_.scalar_at, to.words[i]);
        }
      }
    }
  }
  STRETTO_DEVICE_RARE static Word product(std::uint64_t scalar, const std::byte* scalar_at, Word word) {
    Word by{};
    by.words[0] = scalar_of<typename Factors::Wire>(scalar, scalar_at).words[0];
    Factors factors;
    factors.load(word);
    factors.combine_with(Arithmetic::Product::load(Factors::element(by, 0)));
    return factors.store();
  }

  STRETTO_DEVICE void store(std::byte* at, const Message& message, const Unit& unit, const Pieces& from) {
    if (machine_.failed()) return;
    std::byte* const to = at + unit.offset_bytes;
    STRETTO_UNROLL
    for (std::uint32_t i = 0; i < kWords; ++i) {
      if (!has_word(message, unit, i)) continue;
      if constexpr (plain) {
        store_whole(to + i * kGranule_bytes, from.words[i]);
      } else {
        const std::uint32_t left = message.bytes - unit.offset_bytes - i * kGranule_bytes;
        store_plain<kGranule_bytes>(to + i * kGranule_bytes, from.words[i], left);
      }
    }
  }
  STRETTO_DEVICE static Word load_whole(const std::byte* from) {
    Word word;
    __builtin_memcpy(&word, __builtin_assume_aligned(from, kGranule_bytes), kGranule_bytes);
    return word;
  }
  STRETTO_DEVICE static void store_whole(std::byte* to, const Word& word) {
    __builtin_memcpy(__builtin_assume_aligned(to, kGranule_bytes), &word, kGranule_bytes);
  }

  /// All that depends on nothing is on its way before any of it is looked at: each peer's words, by a thread of its
  /// own, and this thread's first units of what most peers get.
  STRETTO_DEVICE void load_all(Pieces (&first)[kMany]) {
    const std::uint32_t dead = machine_.poll(&peers_.header().dead);
    STRETTO_NO_UNROLL
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers; i += machine_.threads()) {
      peers_.keep_words(i, peers_.load_words(i));
    }
    if (exchange_.own_from != kNowhere) {
      const Message of = message(0);
      load_many(moved(exchange_.input, exchange_.own_from + of.begin), of, first_unit(), first);
    }
    if (dead != 0) machine_.give_up();
    machine_.barrier();
  }
  STRETTO_DEVICE void load_many(const std::byte* at, const Message& message, const Unit& first,
                                Pieces (&to)[kMany]) const {
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) load(at, message, unit_at(first, k), to[k]);
  }
  STRETTO_DEVICE void advance(Unit& unit) const { unit = unit_at(unit, kMany); }

  STRETTO_DEVICE void send_all(std::uint32_t round, const Pieces (&first)[kMany]) {
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place < exchange_.n_sends; ++place) send(exchange_.send_order[place], round, first);
  }
  STRETTO_DEVICE void send(std::uint32_t i, std::uint32_t round, const Pieces (&first)[kMany]) {
    if (!peers_.sends_to(i)) return;
    const Message of = message(round);
    const std::uint64_t offset = peers_.peer(i).send_offset;
    const std::byte* const from = moved(exchange_.input, offset + of.begin);
    bool has_credit = peers_.has_credit(i, round);
    std::byte* const to = peers_.outgoing(i, round);
    const std::uint64_t flag = peers_.sent(i) + round + 1;
    const std::uint32_t units = of.units();
    const bool is_first = round == 0 && offset == exchange_.own_from;
    STRETTO_NO_UNROLL
    for (Unit unit = first_unit(); has_more(unit, units); advance(unit)) {
      Pieces pieces[kMany];
      if (is_first && unit.number == machine_.thread()) {
        STRETTO_UNROLL
        for (std::uint32_t k = 0; k < kMany; ++k) pieces[k] = first[k];
      } else {
        load_many(from, of, unit, pieces);
      }
      if (!has_credit) peers_.acquire(i, round);  // what is sent is on its way here meanwhile
      has_credit = true;
      if (!machine_.all(!machine_.failed())) break;  // a part of a packet would be taken for the whole
      STRETTO_UNROLL
      for (std::uint32_t k = 0; k < kMany; ++k) {
        const std::uint32_t number = unit_at(unit, k).number;
        if (number < units) machine_.store_wide(to + number * kUnit_bytes, ends_, flag, pieces[k].words);
      }
    }
    // Counters of slots must not fall behind by as much as their sign can tell.
    const bool is_due = ((peers_.sent(i) + round) & (exchange_.shape.refresh_period - 1)) == 0;
    if (STRETTO_RARELY(is_due && machine_.thread() == 0 && !machine_.failed())) {
      machine_.give_credit(&peers_.words_at(i).tail, peers_.sent(i) + round);
    }
    log_step(peers_.peer(i).put_step, round);
  }

  /// An operation that reduces sends, or sums, or both; one that does not moves.
  STRETTO_DEVICE void take_all(std::uint32_t round) {
    if constexpr (Arithmetic::reduces) {
      if (exchange_.sums) sum_all(round);
    } else {
      keep_own(round);
      STRETTO_NO_UNROLL
      for (std::uint32_t place = 0; place < exchange_.n_takes; ++place) receive(exchange_.take_order[place], round);
    }
  }

  /// A peer's, of these units.
  STRETTO_DEVICE void await(std::uint32_t i, std::uint32_t round, const Unit& unit, std::uint32_t units,
                            Pieces (&to)[kMany]) {
    const std::byte* const from = peers_.incoming(i, round);
    const std::uint64_t flag = peers_.incoming_flag(i, round);
    // As ExchangeConnections::await_packet: the greeting follows the first message at once.
    const bool greets = unit.number == 0 && round == 0;
    const std::uint32_t step = peers_.peer(i).take_step;
    std::uint64_t greeting = 0;
    typename Machine::Patience patience(machine_);
    while (true) {
      bool here = true;
      STRETTO_UNROLL
      for (std::uint32_t k = 0; k < kMany; ++k) {
        const std::uint32_t number = unit_at(unit, k).number;
        if (number >= units) continue;
        here = machine_.load_wide(from + number * kUnit_bytes, ends_, flag, to[k].words) && here;
      }
      if (greets) {
        greeting = machine_.load_word(&peers_.own_words(i).greeting);
        here = here && peers_.ahead(i, greeting) >= 0;
      }
      if (machine_.all(here)) break;
      if (!machine_.all(peers_.keep_waiting(patience, i, step, round))) return machine_.give_up();
    }
    if (STRETTO_RARELY(greets && !machine_.failed() && peers_.disagrees(i, greeting))) {
      machine_.disagree(step, peers_.peer(i).rank);
    }
  }

  STRETTO_DEVICE void receive(std::uint32_t i, std::uint32_t round) {
    if (!peers_.takes_from(i)) return;
    const Message of = message(round);
    std::byte* const to = moved(exchange_.output, peers_.peer(i).receive_offset + of.begin);
    const std::uint32_t units = of.units();
    STRETTO_NO_UNROLL
    for (Unit unit = first_unit(); has_more(unit, units); advance(unit)) {
      Pieces pieces[kMany];
      await(i, round, unit, units, pieces);
      store_many(to, of, unit, pieces);
    }
    log_step(peers_.peer(i).take_step, round);
  }
  STRETTO_DEVICE void store_many(std::byte* at, const Message& message, const Unit& first,
                                 const Pieces (&from)[kMany]) {
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) store(at, message, unit_at(first, k), from[k]);
  }

  STRETTO_DEVICE void keep_own(std::uint32_t round) {
    if (exchange_.own_to == kNowhere) return;
    const Message of = message(round);
    const bool stays = exchange_.output + exchange_.own_to == exchange_.input + exchange_.own_from;
    const std::uint32_t units = stays ? 0 : of.units();
    const std::byte* const from = moved(exchange_.input, exchange_.own_from + of.begin);
    std::byte* const to = moved(exchange_.output, exchange_.own_to + of.begin);
    STRETTO_NO_UNROLL
    for (Unit unit = first_unit(); unit.number < units; advance(unit)) {
      Pieces pieces[kMany];
      load_many(from, of, unit, pieces);
      store_many(to, of, unit, pieces);
    }
    log_step(exchange_.own_step, round);
  }

  STRETTO_DEVICE void sum_all(std::uint32_t round) {
    const Message of = message(round);
    const std::byte* const from = moved(exchange_.input, exchange_.own_from + of.begin);
    std::byte* const to = moved(exchange_.output, exchange_.own_to + of.begin);
    const std::uint32_t units = of.units();
    STRETTO_NO_UNROLL
    for (Unit unit = first_unit(); has_more(unit, units); advance(unit)) {
      Pieces own[kMany];
      load_many(from, of, unit, own);
      sum(round, unit, units, own);
      store_many(to, of, unit, own);
    }
    log_step(exchange_.own_step, round);
  }
  /// This rank's pieces and those of all peers, in rank order.
  STRETTO_DEVICE void sum(std::uint32_t round, const Unit& unit, std::uint32_t units, Pieces (&pieces)[kMany]) {
    Values totals[kMany][kWords] = {};
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place <= exchange_.n_peers; ++place) {
      Pieces taken[kMany];
      const bool is_own = place == exchange_.own_place;
      if (!is_own) await(place < exchange_.own_place ? place : place - 1, round, unit, units, taken);
      STRETTO_UNROLL
      for (std::uint32_t k = 0; k < kMany; ++k) {
        STRETTO_UNROLL
        for (std::uint32_t i = 0; i < kWords; ++i) {
          const Word word = is_own ? pieces[k].words[i] : taken[k].words[i];
          if (place == 0) {
            totals[k][i].load(word);
          } else {
            totals[k][i].combine(word);
          }
        }
      }
    }
    STRETTO_UNROLL
    for (std::uint32_t k = 0; k < kMany; ++k) {
      STRETTO_UNROLL
      for (std::uint32_t i = 0; i < kWords; ++i) {
        if (STRETTO_RARELY(exchange_.divisor != 1)) {
          STRETTO_UNROLL
          for (int lane = 0; lane < Values::kCount; ++lane) {
            totals[k][i].values[lane] = divided(totals[k][i].values[lane], exchange_.divisor);
          }
        }
        pieces[k].words[i] = totals[k][i].store();
      }
    }
  }
  // What is rare gets values: a reference would give the kernel a stack.
  STRETTO_DEVICE_RARE static typename Arithmetic::Policy::Accumulator divided(
      typename Arithmetic::Policy::Accumulator value, std::int32_t divisor) {
    return Arithmetic::Policy::divide(value, divisor);
  }

  /// The peers may use this round's slots again; the last round's credits are the next operation's to give (greet).
  STRETTO_DEVICE void release(std::uint32_t round) {
    const bool is_last = round + 1 == rounds_.count;
    if (!is_last) machine_.barrier();  // all have read
    STRETTO_NO_UNROLL
    for (std::uint32_t i = 0; i < exchange_.n_peers; ++i) keep_up(i, round, is_last);
    if (is_last || machine_.failed()) return;
    STRETTO_NO_UNROLL
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers; i += machine_.threads()) {
      if (peers_.takes_from(i)) machine_.give_credit(&peers_.words_at(i).head, peers_.received(i) + round + 1);
    }
    if constexpr (Machine::kLogs) {
      for (std::uint32_t i = 0; i < exchange_.n_peers; ++i) {
        if (peers_.takes_from(i)) machine_.log(peers_.peer(i).release_step, round);
      }
    }
  }

  /// As ExchangeConnections::keep_up, of each message. All threads come here, failed or not.
  STRETTO_DEVICE void keep_up(std::uint32_t i, std::uint32_t round, bool is_last) {
    const std::uint32_t number = peers_.received(i) + round;
    if (!STRETTO_RARELY(is_to_be_refreshed(exchange_.shape, number) && peers_.takes_from(i))) return;
    if (is_last) machine_.barrier();
    const Window own{exchange_.window, exchange_.rank};
    refresh_packets(machine_, own, exchange_.shape, channel_, peers_.peer(i).rank, number);
  }

  STRETTO_DEVICE void log_step(std::uint32_t step, std::uint32_t round) {
    if (!machine_.failed()) machine_.log(step, round);
  }

  Machine& machine_;
  const Exchange& exchange_;
  ExchangeConnections<Machine> peers_;
  std::uint32_t channel_;
  ExchangeShare share_;  ///< of a block, on this channel
  WideRounds rounds_;
  std::uint32_t stride_bytes_;  ///< of payload, from a unit to the next one of its thread
  bool ends_;                   ///< this thread has the ends of packets, where their flags are
};

}  // namespace stretto::device
