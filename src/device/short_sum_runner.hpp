// The kernel for small sums (device/short_sum.hpp): one block is one channel. The same code is for kernels and for host
// threads; device/interpreter.hpp says what a Machine is, device/connections.hpp what messages, credits and greetings
// are. To peers it is what device/exchange_runner.hpp is, word for word.
//
// A thread has one packet of one peer, or two: it sends it, and takes the one that comes in return. So nothing is
// computed twice, nothing is handed on before the sum, and all peers are waited for at once. (Threads of hosts' blocks
// are few: each has many parts.) Its code is short on purpose, and straight.
#pragma once

#include "device/exchange.hpp"
#include "device/granule.hpp"
#include "device/short_sum.hpp"

namespace stretto::device {

/// What the threads of a block share: each packet that was taken, by peer, but for the first peer's.
template <std::uint32_t parts_per_thread>
struct ShortSumLanding {
  std::uint64_t taken[kMostShortSumThreads * parts_per_thread];
};

template <class Machine, class Arithmetic, std::uint32_t parts_per_thread>
class ShortSumRunner {
 public:
  using Landing = ShortSumLanding<parts_per_thread>;

  STRETTO_DEVICE ShortSumRunner(Machine& machine, const ShortSum& sum, Landing& landing, std::uint32_t channel)
      : machine_(machine), sum_(sum), landing_(landing), channel_(channel) {}

  STRETTO_DEVICE void run() {
    const std::uint32_t dead = machine_.poll(&header().dead);
    each_part([this](Part& part, std::uint32_t number) { load(part, number); });
    machine_.barrier();  // while all that is on its way
    if (STRETTO_RARELY(dead != 0)) machine_.give_up();
    each_part([this](Part& part, std::uint32_t) { send(part); });
    each_part([this](Part& part, std::uint32_t) { take(part); });
    machine_.barrier();  // if one has failed, all have from here
    if (!machine_.failed()) {
      each_part([this](Part& part, std::uint32_t) {
        if (part.peer == 0 && !is_idle(part)) add_up(part);
      });
      machine_.log(sum_.sum_step, 0);
    }
    each_part([this](Part& part, std::uint32_t) { end(part); });
    log_releases();
    if (!sum_.counts) return;
    machine_.barrier();
    if (machine_.thread() == 0) machine_.count(&header().ended);
  }

 private:
  static constexpr int kGranule_bytes = static_cast<int>(kPacketPayload_bytes);
  /// Of one thread. A kernel's block has as many threads as that needs; threads of hosts' blocks may be any number.
  static constexpr std::uint32_t kMostParts =
      Machine::kLeastThreads == 1 ? kMostShortSumThreads * parts_per_thread : parts_per_thread;
  using Piece = Granule<kGranule_bytes>;
  using Values = Lanes<typename Arithmetic::Policy, kGranule_bytes>;

  /// One packet of one peer.
  struct Part {
    std::uint32_t peer;
    std::uint32_t packet;  ///< of the channel's share
    std::uint32_t offset;  ///< in bytes, of the whole message
    std::uint32_t left;    ///< bytes from there on
    std::uint32_t head;    ///< these three as in LinkWords
    std::uint32_t sent;
    std::uint32_t received;
    std::uint32_t was_busy;
    Piece own;
    Piece taken;
  };

  template <class Action>
  STRETTO_DEVICE void each_part(const Action& action) {
    if constexpr (kMostParts == 1) {
      action(parts_[0], machine_.thread());
    } else {
      const std::uint32_t all = sum_.packets * std::uint32_t{sum_.n_peers};
      std::uint32_t number = machine_.thread();
      STRETTO_UNROLL
      for (std::uint32_t i = 0; i < kMostParts; ++i, number += machine_.threads()) {
        if (number < all) action(parts_[i], number);
      }
    }
  }

  STRETTO_DEVICE WindowHeader& header() const { return *reinterpret_cast<WindowHeader*>(sum_.window); }
  /// All ranks have a place in each window but its owner: of those before it their own, of the others one less.
  STRETTO_DEVICE std::uint32_t place_at(std::uint32_t peer) const {
    return sum_.own_place - (peer < sum_.own_place ? 1 : 0);
  }
  STRETTO_DEVICE std::uint32_t slots() const { return 1U << sum_.slots_shift; }
  STRETTO_DEVICE LinkWords& words(std::byte* window, std::uint32_t place) const {
    return reinterpret_cast<LinkWords*>(window + WindowShape::links_begin())[channel_ * sum_.n_peers + place];
  }
  STRETTO_DEVICE Packet* packet_at(std::byte* window, std::uint32_t place, std::uint32_t message) const {
    const std::uint32_t slot = ((channel_ * sum_.n_peers + place) << sum_.slots_shift) + (message & (slots() - 1));
    return reinterpret_cast<Packet*>(window + sum_.packets_begin + slot * slot_bytes());
  }
  STRETTO_DEVICE std::uint32_t slot_bytes() const { return sum_.slot_units * ShortSum::kSlotUnit_bytes; }
  /// The last channels' shares may have fewer packets, or none but the one of nothing.
  STRETTO_DEVICE static bool is_idle(const Part& part) { return part.left == 0 && part.packet != 0; }

  STRETTO_DEVICE void load(Part& part, std::uint32_t number) {
    part.peer = number * sum_.inverse >> ShortSum::kInverseShift;
    part.packet = number - part.peer * sum_.packets;
    part.offset = (channel_ * sum_.packets + part.packet) * static_cast<std::uint32_t>(kGranule_bytes);
    part.left = part.offset < sum_.bytes ? sum_.bytes - part.offset : 0;
    LinkWords& mine = words(sum_.window, part.peer);
    // First, so that who finds it free mostly reads what was left last. Looked at when all is done.
    part.was_busy = part.packet == 0 ? machine_.mark(&mine.busy, 1) : 0;
    part.head = machine_.load_credit(&mine.head);
    part.sent = mine.sent;
    part.received = mine.received;
    part.own = load_plain<kGranule_bytes>(sum_.input + part.offset, part.left);
  }

  /// All is sent before anything is waited for. The packet goes first: who has received it waits for the greeting.
  STRETTO_DEVICE void send(const Part& part) {
    if (STRETTO_RARELY(part.sent - part.head >= slots())) {
      const Wait wait = wait_for(part, sum_.put_steps[part.peer]);
      if (!acquire(machine_, &words(sum_.window, part.peer), part.sent, wait)) machine_.give_up();
    }
    if (machine_.failed() || is_idle(part)) return;
    std::byte* const window = sum_.windows[part.peer];
    const std::uint32_t place = place_at(part.peer);
    const std::uint64_t flag = static_cast<std::uint64_t>(part.sent + 1) << 32;
    machine_.store_packet(packet_at(window, place, part.sent) + part.packet,
                          {{(part.own.words[0] & 0xffffffffU) | flag, part.own.words[0] >> 32 | flag}});
    if (part.packet != 0) return;
    machine_.log(sum_.put_steps[part.peer], 0);
    LinkWords& theirs = words(window, place);
    machine_.give_credit(&theirs.head, part.received);
    machine_.store_word(&theirs.greeting, static_cast<std::uint64_t>(sum_.descriptor) << 32 | (part.sent + 1));
    // Counts as a message: it must not fall behind by as much as its sign can tell.
    if (STRETTO_RARELY((part.sent & (sum_.refresh_period - 1)) == 0)) machine_.give_credit(&theirs.tail, part.sent);
  }

  /// What a peer is waited for with.
  struct Wait {
    std::uint32_t flag;  ///< of its message, and in its greeting
    std::uint32_t descriptor;
    std::uint32_t step;
    std::uint32_t rank;
    std::uint32_t slots;
  };
  STRETTO_DEVICE Wait wait_for(const Part& part, std::uint32_t step) const {
    return {part.received + 1, sum_.descriptor, step, part.peer + (part.peer < sum_.own_place ? 0 : 1), slots()};
  }
  /// How far the peer's greetings are ahead of the operation: 0: it is of this one.
  STRETTO_DEVICE static std::int32_t ahead(const Wait& wait, std::uint64_t greeting) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(greeting) - wait.flag);
  }
  STRETTO_DEVICE static bool disagrees(const Wait& wait, std::uint64_t greeting) {
    return ahead(wait, greeting) == 0 && greeting >> 32 != wait.descriptor;
  }
  STRETTO_DEVICE static bool keep_waiting(Machine& machine, typename Machine::Patience& patience, const Wait& wait,
                                          std::uint64_t greeting) {
    // Of a block that gives up, peers' greetings may be of an earlier operation, which has been told already.
    const bool differs = !machine.failed() && disagrees(wait, greeting);
    if (!STRETTO_RARELY(differs) && machine.keep_waiting(patience)) {
      if (!STRETTO_RARELY(machine.has_looked(patience))) return true;
      // As ExchangeConnections::keep_waiting.
      const bool is_behind = ahead(wait, greeting) >= static_cast<std::int32_t>(wait.slots);
      if (!is_behind || !patience.was_behind) {
        patience.was_behind = is_behind;
        return true;
      }
      machine.collide();
    } else if (differs) {
      machine.disagree(wait.step, wait.rank);
    } else {
      machine.fail(wait.step, wait.rank);
    }
    return false;
  }

  /// Until the slot is free; false: it is time to give up. Rare: a credit was mostly given long ago. So this is code of
  /// its own, which gets copies: a reference would keep the machine out of registers.
  STRETTO_DEVICE_RARE static bool acquire(Machine machine, const LinkWords* mine, std::uint32_t sent, Wait wait) {
    typename Machine::Patience patience(machine);
    while (sent - machine.load_credit(&mine->head) >= wait.slots) {
      if (!keep_waiting(machine, patience, wait, machine.load_word(&mine->greeting))) return false;
    }
    return true;
  }

  /// The greeting is looked at beside the packet, which it follows at once, so that costs no time of its own. A peer
  /// that is ahead has compared, too.
  STRETTO_DEVICE void take(Part& part) {
    if (is_idle(part)) return;
    const Packet* const from = packet_at(sum_.window, part.peer, part.received) + part.packet;
    const std::uint64_t* const greeted = &words(sum_.window, part.peer).greeting;
    const Wait wait = wait_for(part, sum_.sum_step);
    typename Machine::Patience patience(machine_);
    Packet seen;
    while (true) {
      seen = machine_.load_packet(from);
      const std::uint64_t greeting = machine_.load_word(greeted);
      const bool is_here = (seen.words[0] >> 32) == wait.flag && (seen.words[1] >> 32) == wait.flag;
      if (is_here && ahead(wait, greeting) >= 0 && !disagrees(wait, greeting)) break;
      if (!keep_waiting(machine_, patience, wait, greeting)) return;
    }
    part.taken = {{(seen.words[0] & 0xffffffffU) | seen.words[1] << 32}};
    if (part.peer != 0) landing_.taken[part.peer * sum_.packets + part.packet] = part.taken.words[0];
  }

  /// This rank's packet and those of all peers, in rank order, by the threads of the first peer.
  STRETTO_DEVICE void add_up(const Part& part) {
    Values total{};
    STRETTO_NO_UNROLL
    for (std::uint32_t place = 0; place <= sum_.n_peers; ++place) {
      const std::uint32_t peer = place - (place > sum_.own_place ? 1 : 0);
      Piece piece = place == sum_.own_place ? part.own : part.taken;
      if (place != sum_.own_place && peer != 0) piece.words[0] = landing_.taken[peer * sum_.packets + part.packet];
      Values next;
      next.load(piece);
      STRETTO_UNROLL
      for (int lane = 0; lane < Values::kCount; ++lane) {
        total.values[lane] =
            place == 0 ? next.values[lane] : Arithmetic::Policy::combine(total.values[lane], next.values[lane]);
      }
    }
    if (STRETTO_RARELY(sum_.divisor != 1)) {
      STRETTO_UNROLL
      for (int lane = 0; lane < Values::kCount; ++lane) total.values[lane] = divided(total.values[lane], sum_.divisor);
    }
    store(sum_.output + part.offset, total.store().words[0], part.left);
  }
  // What is rare gets values: a reference would give the kernel a stack.
  STRETTO_DEVICE_RARE static typename Arithmetic::Policy::Accumulator divided(
      typename Arithmetic::Policy::Accumulator value, std::int32_t divisor) {
    return Arithmetic::Policy::divide(value, divisor);
  }
  STRETTO_DEVICE static void store(std::byte* to, std::uint64_t word, std::uint32_t n_bytes) {
    if (n_bytes >= sizeof word && reinterpret_cast<std::uintptr_t>(to) % sizeof word == 0) {
      __builtin_memcpy(__builtin_assume_aligned(to, sizeof word), &word, sizeof word);
    } else {
      store_bytes(to, word, n_bytes);
    }
  }
  STRETTO_DEVICE_RARE static void store_bytes(std::byte* to, std::uint64_t word, std::uint32_t n_bytes) {
    const std::uint32_t n = n_bytes < sizeof word ? n_bytes : sizeof word;
    if (reinterpret_cast<std::uintptr_t>(to) % 4 == 0 && n == 4) {
      const auto low = static_cast<std::uint32_t>(word);
      __builtin_memcpy(__builtin_assume_aligned(to, 4), &low, 4);
      return;
    }
    STRETTO_NO_UNROLL
    for (std::uint32_t i = 0; i < n; ++i) to[i] = static_cast<std::byte>(word >> (i * 8));
  }

  /// What was sent and received counts from here in the next operation; no thread reads these words any more. Nothing
  /// goes to a peer: a kernel ends only when all its stores have arrived.
  STRETTO_DEVICE void end(const Part& part) {
    if (STRETTO_RARELY(part.was_busy != 0 && !machine_.failed())) machine_.collide();
    if (STRETTO_RARELY(machine_.failed())) {
      machine_.give_credit(&header().dead, 1);
      return;
    }
    if (part.packet == 0) {
      LinkWords& mine = words(sum_.window, part.peer);
      mine.sent = part.sent + 1;
      mine.received = part.received + 1;
      mine.busy = 0;  // last, as far as nothing orders them
    }
    const std::uint32_t uses = part.received >> sum_.slots_shift;
    if (STRETTO_RARELY((uses & (sum_.refresh_period - 1)) == sum_.refresh_period - 1)) refresh(part);
  }

  /// As refresh_packets, by the threads of the peer's packets, idle ones too: all have been read.
  STRETTO_DEVICE void refresh(const Part& part) {
    Packet* const packets = packet_at(sum_.window, part.peer, part.received);
    const std::uint64_t flag = static_cast<std::uint64_t>(part.received + 1) << 32;
    STRETTO_NO_UNROLL
    for (std::uint32_t i = part.packet; i < slot_bytes() / sizeof(Packet); i += sum_.packets) {
      machine_.store_packet(packets + i, {{flag, flag}});
    }
    const std::uint32_t pair = channel_ * sum_.n_peers + part.peer;
    const std::uint32_t slot = (pair << sum_.slots_shift) + (part.received & (slots() - 1));
    auto* const wide = reinterpret_cast<WidePacket*>(sum_.window + sum_.wide_begin) +
                       static_cast<std::size_t>(slot) * sum_.wide_packets;
    STRETTO_NO_UNROLL
    for (std::uint32_t i = part.packet; i < sum_.wide_packets; i += sum_.packets) {
      machine_.store_word(&wide[i].words[2 * WidePacket::kPieces - 1], flag >> 32);
    }
    machine_.settle();
  }

  STRETTO_DEVICE void log_releases() {
    if constexpr (Machine::kLogs) {
      for (std::uint32_t i = 0; i < sum_.n_peers && !machine_.failed(); ++i) machine_.log(sum_.release_steps[i], 0);
    }
  }

  Machine& machine_;
  const ShortSum& sum_;
  Landing& landing_;
  std::uint32_t channel_;
  Part parts_[kMostParts];
};

}  // namespace stretto::device
