// A strand's connections with its peers: the numbers of its messages, and all that waits or tells somebody to go on.
// device/interpreter.hpp says what a Machine is. Each wait ends; after a failure nothing is waited for or told.
#pragma once

#include "device/packets.hpp"
#include "device/program.hpp"

namespace stretto::device {

/// What a call adds to its program.
struct Operation {
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  std::byte* scratch = nullptr;          ///< aligned to 16 bytes
  std::byte* const* windows = nullptr;   ///< of all ranks, by rank, as this rank addresses them
  std::uint64_t scalar = 0;              ///< an element, in the low end,
  const std::byte* scalar_at = nullptr;  ///< or where the kernel finds it
  std::uint32_t rank = 0;
  std::uint32_t descriptor = 0;  ///< a hash of what ranks must agree on
  bool multiplies = false;       ///< inputs are multiplied by the scalar first
  /// Wait until `after` strands have ended in this window: the operation before was issued to another stream.
  bool waits = false;
  std::uint32_t after = 0;
  /// Input and output share memory: a receiving half writes a round's output when the sending one has read its input.
  bool orders_halves = false;
  WindowShape shape;
};

template <class Machine, Protocol protocol>
class Connections {
 public:
  STRETTO_DEVICE Connections(Machine& machine, const ProgramView& program, const Operation& operation,
                             const Strand& strand)
      : machine_(machine),
        program_(program),
        operation_(operation),
        strand_(strand),
        own_{operation.windows[operation.rank], operation.rank} {}

  STRETTO_DEVICE const Window& own() const { return own_; }
  STRETTO_DEVICE std::uint32_t peer_of(std::uint32_t link) const { return link_of(link).peer; }
  /// Numbers of messages: `message` is which of the link's in a round.
  STRETTO_DEVICE std::uint32_t sending(std::uint32_t link, std::uint32_t round, std::uint32_t message) const {
    const Link& with = link_of(link);
    return own_.link(operation_.shape, strand_.channel, with.peer).sent + round * with.sends_per_round + message;
  }
  STRETTO_DEVICE std::uint32_t receiving(std::uint32_t link, std::uint32_t round, std::uint32_t message) const {
    const Link& with = link_of(link);
    return own_.link(operation_.shape, strand_.channel, with.peer).received + round * with.receives_per_round + message;
  }
  STRETTO_DEVICE Window window_of(std::uint32_t rank) const { return {operation_.windows[rank], rank}; }

  /// Tells the peers what this rank takes the operation for, and that it has read all that they sent before: the last
  /// credits of an operation are given here, at the begin of the next, since a store to a peer at a kernel's end would
  /// keep the kernel until the peer's memory has answered. Nobody waits for either.
  STRETTO_DEVICE void greet() {
    begun_at_ = first_number();
    for (std::uint32_t i = machine_.thread(); i < strand_.n_links; i += machine_.threads()) {
      const Link& with = link_of(i);
      if (machine_.failed()) return;
      LinkWords& theirs = window_of(with.peer).link(operation_.shape, strand_.channel, operation_.rank);
      if (with.receives_per_round != 0) machine_.give_credit(&theirs.head, receiving(i, 0, 0));
      if (with.sends_per_round == 0) continue;
      machine_.store_word(&theirs.greeting,
                          static_cast<std::uint64_t>(operation_.descriptor + with.salt) << 32 | (sending(i, 0, 0) + 1));
    }
  }

  /// Whether a peer has greeted with another operation than this one, as far as it has greeted. What was received is
  /// another strand's to count where this one receives nothing.
  STRETTO_DEVICE bool disagrees(std::uint32_t link) const {
    const Link& with = link_of(link);
    if (with.receives_per_round == 0) return false;
    const std::uint64_t greeting =
        machine_.load_word(&own_.link(operation_.shape, strand_.channel, with.peer).greeting);
    const bool is_of_this = static_cast<std::uint32_t>(greeting) == receiving(link, 0, 0) + 1;
    return is_of_this && greeting >> 32 != static_cast<std::uint32_t>(operation_.descriptor + with.salt);
  }

  /// Between looks at what a link is to bring: false where it is time to give up.
  STRETTO_DEVICE bool keep_waiting(typename Machine::Patience& patience, std::uint32_t link, std::uint32_t step) {
    if (machine_.keep_waiting(patience)) {
      if (!machine_.has_looked(patience)) return true;
      if (first_number() != begun_at_) {
        machine_.collide();
        return false;
      }
      if (!disagrees(link)) return true;
      machine_.disagree(step, peer_of(link));
      return false;
    }
    machine_.fail(step, peer_of(link));
    return false;
  }

  STRETTO_DEVICE void await_earlier() {
    if (machine_.thread() == 0) {
      typename Machine::Patience patience(machine_);
      // Other strands of this operation may have ended before this one looks.
      while (static_cast<std::int32_t>(machine_.poll(&own_.header().ended) - operation_.after) < 0) {
        if (machine_.failed()) break;
        if (!machine_.keep_waiting(patience)) {
          machine_.fail(0, operation_.rank);
          break;
        }
      }
      machine_.consume();
      if (machine_.poll(&own_.header().dead) != 0) machine_.give_up();  // it may be what ended it
    }
    machine_.barrier();
  }

  /// Until the slot of a message towards a peer is free. Every thread by itself: a credit was mostly given long ago.
  STRETTO_DEVICE void acquire(std::uint32_t link, std::uint32_t round, std::uint32_t in_round, std::uint32_t step) {
    const std::uint32_t peer = peer_of(link);
    const std::uint32_t* head = &own_.link(operation_.shape, strand_.channel, peer).head;
    const std::uint32_t message = sending(link, round, in_round);
    const std::uint32_t slots = protocol == Protocol::packets ? operation_.shape.packet_slots : operation_.shape.slots;
    typename Machine::Patience patience(machine_);
    while (static_cast<std::int32_t>(message - machine_.load_credit(head)) >= static_cast<std::int32_t>(slots)) {
      if (!keep_waiting(patience, link, step)) return;
    }
    // Packets need no counter, but count as messages: it must not fall behind by as much as its sign can tell.
    const bool is_due = (message & (operation_.shape.refresh_period - 1)) == 0;
    if (protocol == Protocol::packets && is_due && machine_.thread() == 0) {
      machine_.give_credit(&window_of(peer).link(operation_.shape, strand_.channel, operation_.rank).tail, message);
    }
  }

  STRETTO_DEVICE void signal(const Instruction& instruction, std::uint32_t round) {
    if (machine_.thread() != 0) return;
    const std::uint32_t peer = peer_of(instruction.link);
    const std::uint32_t message = sending(instruction.link, round, instruction.message);
    machine_.publish(&window_of(peer).link(operation_.shape, strand_.channel, operation_.rank).tail, message + 1);
  }

  STRETTO_DEVICE void wait(const Instruction& instruction, std::uint32_t round) {
    if (machine_.thread() != 0) return;
    const std::uint32_t* tail = &own_.link(operation_.shape, strand_.channel, peer_of(instruction.link)).tail;
    const std::uint32_t message = receiving(instruction.link, round, instruction.message);
    typename Machine::Patience patience(machine_);
    while (static_cast<std::int32_t>(machine_.poll(tail) - message) <= 0) {
      if (!keep_waiting(patience, instruction.link, instruction.step)) return;
    }
    machine_.consume();
  }

  STRETTO_DEVICE void release(const Instruction& instruction, std::uint32_t round) {
    const std::uint32_t peer = peer_of(instruction.link);
    const std::uint32_t message = receiving(instruction.link, round, instruction.message);
    if (is_to_be_refreshed(operation_.shape, message)) {
      refresh_packets(machine_, own_, operation_.shape, strand_.channel, peer, message);
    }
    if (machine_.failed()) return;
    machine_.log(instruction.step, round);
    const bool is_last = message + 1 == receiving(instruction.link, strand_.rounds, 0);
    if (machine_.thread() != 0 || is_last) return;  // greet() of the next operation tells
    machine_.give_credit(&window_of(peer).link(operation_.shape, strand_.channel, operation_.rank).head, message + 1);
  }

  /// Behind a barrier after all that reads this round's input to send it.
  STRETTO_DEVICE void pass() {
    if (!operation_.orders_halves || machine_.thread() != 0) return;
    std::uint32_t* const passed = &own_.channel(operation_.shape, strand_.channel).passed;
    machine_.give_credit(passed, machine_.load_credit(passed) + 1);
  }

  /// Until the sending half has passed this round. Every thread by itself, as for credits.
  STRETTO_DEVICE void follow(std::uint32_t round, std::uint32_t step) {
    const ChannelWords& words = own_.channel(operation_.shape, strand_.channel);
    const std::uint32_t before = words.taken + round;
    // The sending half may have to wait for a credit of each peer. If none comes it is the one to tell, since it knows
    // whose, and leaves the window dead: this one, which does not, gives it as long.
    for (std::uint32_t tries = 0; tries < operation_.shape.n_ranks; ++tries) {
      typename Machine::Patience patience(machine_);
      do {
        if (static_cast<std::int32_t>(machine_.load_credit(&words.passed) - before) > 0) return;
        if (machine_.has_looked(patience) && machine_.poll(&own_.header().dead) != 0) return machine_.give_up();
      } while (machine_.keep_waiting(patience));
    }
    machine_.fail(step, operation_.rank);
  }

  /// All threads are done, and read no number of a message any more: what was sent and received counts from here in the
  /// next operation. The host may free the window when it has seen the count, so nothing comes after it.
  STRETTO_DEVICE void end() {
    machine_.barrier();
    if (machine_.thread() != 0) return;
    for (std::uint32_t i = 0; i < strand_.n_links && !machine_.failed(); ++i) {
      if (protocol == Protocol::packets) await_greeting(i);
      if (disagrees(i)) machine_.disagree(0, peer_of(i));  // sizes that happen to match do not make it one operation
    }
    if (!machine_.failed() && first_number() != begun_at_) machine_.collide();
    if (machine_.failed()) machine_.give_credit(&own_.header().dead, 1);
    for (std::uint32_t i = 0; i < strand_.n_links && !machine_.failed(); ++i) advance(link_of(i));
    if (strand_.half == StrandHalf::receiving && operation_.orders_halves && !machine_.failed()) {
      own_.channel(operation_.shape, strand_.channel).taken += strand_.rounds;
    }
    machine_.count(&own_.header().ended);
  }

 private:
  /// Packets may be here before it: an exchange sends them first. It follows at once.
  STRETTO_DEVICE void await_greeting(std::uint32_t link) {
    const Link& with = link_of(link);
    if (with.receives_per_round == 0) return;
    const std::uint64_t* const word = &own_.link(operation_.shape, strand_.channel, with.peer).greeting;
    typename Machine::Patience patience(machine_);
    while (static_cast<std::int32_t>(static_cast<std::uint32_t>(machine_.load_word(word)) -
                                     (receiving(link, 0, 0) + 1)) < 0) {
      if (!keep_waiting(patience, link, 0)) return;
    }
  }

  STRETTO_DEVICE const Link& link_of(std::uint32_t index) const { return program_.links[strand_.first_link + index]; }

  /// A number that this strand alone raises, when it ends: if another did meanwhile, two runs of it met in its lane.
  STRETTO_DEVICE std::uint32_t first_number() const {
    if (strand_.n_links == 0) return 0;
    const LinkWords& words = own_.link(operation_.shape, strand_.channel, link_of(0).peer);
    const std::uint32_t* const number = link_of(0).sends_per_round != 0 ? &words.sent : &words.received;
    return *number;
  }

  STRETTO_DEVICE void advance(const Link& link) {
    LinkWords& words = own_.link(operation_.shape, strand_.channel, link.peer);
    if (link.sends_per_round != 0) words.sent += strand_.rounds * link.sends_per_round;
    if (link.receives_per_round != 0) words.received += strand_.rounds * link.receives_per_round;
  }

  Machine& machine_;
  const ProgramView& program_;
  const Operation& operation_;
  const Strand& strand_;
  Window own_;
  std::uint32_t begun_at_ = 0;  ///< first_number() then
};

}  // namespace stretto::device
