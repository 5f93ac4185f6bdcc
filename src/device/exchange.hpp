// The kernel for small operations: each peer gets one message of this rank at most, and gives one at most, by packets.
// It runs no program: what it does was read off a plan (exec/device_exchange.hpp), whose steps it runs and names. One
// block of threads is one channel. The same code is for kernels and for host threads; device/interpreter.hpp says what
// a Machine is, device/connections.hpp what messages, credits and greetings are.
//
// What costs time here is one trip over the link and the loads before it: all that nothing else is needed for is loaded
// at once, at the begin.
#pragma once

#include "device/granule.hpp"
#include "device/packets.hpp"

namespace stretto::device {

constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
constexpr std::uint32_t kMostExchangePeers = 7;
constexpr std::uint64_t kLine_bytes = 64;

/// Of one peer. Offsets are of blocks, in this rank's buffers.
struct ExchangePeer {
  std::byte* window = nullptr;              ///< the peer's, as this rank addresses it
  std::uint64_t send_offset = kNowhere;     ///< in the input, of what it gets; kNowhere: nothing
  std::uint64_t receive_offset = kNowhere;  ///< in the output, of what it gives; of a sum: 0; kNowhere: nothing
  std::uint16_t rank = 0;
  std::uint16_t put_step = 0;
  std::uint16_t take_step = 0;  ///< where its message is read
  std::uint16_t release_step = 0;
  std::uint32_t send_bytes = 0;
  std::uint32_t receive_bytes = 0;
  /// Each channel's share of a message, but of the last ones, in lines of 64 bytes; and how many channels have a share,
  /// be it of nothing: a message has one packet on each of them at least.
  std::uint16_t send_share_lines = 0;
  std::uint16_t receive_share_lines = 0;
  std::uint16_t send_channels = 0;  ///< 0: nothing is sent
  std::uint16_t receive_channels = 0;

  friend bool operator==(const ExchangePeer&, const ExchangePeer&) = default;
};

struct Exchange {
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  std::byte* window = nullptr;        ///< this rank's own
  std::uint64_t own_from = kNowhere;  ///< offset of this rank's own block in the input
  std::uint64_t own_to = kNowhere;    ///< and of that, or of the sum, in the output
  std::uint64_t block_bytes = 0;      ///< of it
  std::uint64_t share_bytes = 0;      ///< as peers have them
  std::uint64_t scalar = 0;
  std::uint32_t rank = 0;
  std::uint32_t descriptor = 0;  ///< a hash of what ranks must agree on
  std::uint32_t after = 0;       ///< as Operation has it
  std::int32_t divisor = 1;      ///< of sums
  std::uint16_t n_peers = 0;
  std::uint16_t own_step = 0;  ///< of the sum, or of the own block's copy
  std::uint8_t n_sends = 0;
  std::uint8_t n_takes = 0;
  std::uint8_t send_order[kMostExchangePeers] = {};  ///< indices of peers
  std::uint8_t take_order[kMostExchangePeers] = {};
  bool sums = false;  ///< own_to = the own block and all messages, in rank order
  bool multiplies = false;
  bool waits = false;
  bool counts = true;  ///< in WindowHeader::ended
  WindowShape shape;
  ExchangePeer peers[kMostExchangePeers];  ///< in rank order

  friend bool operator==(const Exchange&, const Exchange&) = default;
};

/// What the threads of a block share.
struct ExchangeLinks {
  std::uint32_t head[kMostExchangePeers];
  std::uint32_t sent[kMostExchangePeers];
  std::uint32_t received[kMostExchangePeers];
};

/// A channel's part of a message or a block.
struct ExchangeShare {
  std::uint64_t begin;
  std::uint64_t bytes;

  STRETTO_DEVICE static ExchangeShare of(std::uint32_t channel, std::uint64_t bytes, std::uint64_t share_bytes) {
    const std::uint64_t offset = channel * share_bytes;
    const std::uint64_t begin = offset < bytes ? offset : bytes;
    return {begin, bytes - begin < share_bytes ? bytes - begin : share_bytes};
  }
  STRETTO_DEVICE std::uint64_t packets() const { return (bytes + kPacketPayload_bytes - 1) / kPacketPayload_bytes; }
  STRETTO_DEVICE std::uint64_t left_at(std::uint64_t packet) const {
    const std::uint64_t offset = packet * kPacketPayload_bytes;
    return bytes > offset ? bytes - offset : 0;
  }
};

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
    load_links();
    Piece first{};  // of this rank's own block: what most need
    if (is_own(machine_.thread())) first = load_input(exchange_.own_from + own_.begin, own_, machine_.thread());
    machine_.barrier();
    greet();
    // All is sent before anything is waited for. In place too: what a thread writes later, only it has read.
    for (std::uint32_t place = 0; place < exchange_.n_sends; ++place) send(exchange_.send_order[place], first);
    bool summed = false;
    if constexpr (Arithmetic::reduces) {
      if (exchange_.sums) {
        for (std::uint64_t i = machine_.thread(); i < at_least_one(own_); i += machine_.threads()) sum(first, i);
        summed = true;
      }
    }
    if (!summed) {
      keep_own(first);
      for (std::uint32_t place = 0; place < exchange_.n_takes; ++place) receive(exchange_.take_order[place]);
    }
    end();
  }

 private:
  using Piece = Granule<kGranule_bytes>;
  using Accumulators = Lanes<typename Arithmetic::Policy, kGranule_bytes>;
  using Factors = Lanes<typename Arithmetic::Product, kGranule_bytes>;

  STRETTO_DEVICE Window own_window() const { return {exchange_.window, exchange_.rank}; }
  STRETTO_DEVICE const ExchangePeer& peer(std::uint32_t i) const { return exchange_.peers[i]; }
  STRETTO_DEVICE Window window_of(std::uint32_t i) const { return {peer(i).window, peer(i).rank}; }
  STRETTO_DEVICE LinkWords& own_words(std::uint32_t i) const {
    return own_window().link(exchange_.shape, channel_, peer(i).rank);
  }
  STRETTO_DEVICE LinkWords& words_at(std::uint32_t i) const {
    return window_of(i).link(exchange_.shape, channel_, exchange_.rank);
  }
  /// Whether a message goes, or comes, on this channel.
  STRETTO_DEVICE bool sends_to(std::uint32_t i) const { return channel_ < peer(i).send_channels; }
  STRETTO_DEVICE bool takes_from(std::uint32_t i) const { return channel_ < peer(i).receive_channels; }
  /// A message has one packet at least, so that ranks meet even over nothing.
  STRETTO_DEVICE static std::uint64_t at_least_one(const ExchangeShare& share) {
    const std::uint64_t packets = share.packets();
    return packets != 0 ? packets : 1;
  }
  STRETTO_DEVICE bool is_own(std::uint64_t i) const { return exchange_.own_from != kNowhere && i < own_.packets(); }

  /// Each peer's by a thread of its own; one more looks whether the window is dead.
  STRETTO_DEVICE void load_links() {
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers; i += machine_.threads()) {
      const LinkWords& words = own_words(i);
      links_.head[i] = machine_.load_credit(&words.head);
      links_.sent[i] = words.sent;
      links_.received[i] = words.received;
    }
    if (machine_.thread() == machine_.threads() - 1 && machine_.poll(&own_window().header().dead) != 0) {
      machine_.give_up();
    }
  }

  /// As Connections::greet: gives the credits of the operation before, too.
  STRETTO_DEVICE void greet() {
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers; i += machine_.threads()) {
      if (machine_.failed()) return;
      if (takes_from(i)) machine_.give_credit(&words_at(i).head, links_.received[i]);
      if (!sends_to(i)) continue;
      machine_.store_word(&words_at(i).greeting,
                          static_cast<std::uint64_t>(exchange_.descriptor) << 32 | (links_.sent[i] + 1));
    }
  }

  STRETTO_DEVICE std::uint64_t greeting_of(std::uint32_t i) const { return machine_.load_word(&own_words(i).greeting); }
  STRETTO_DEVICE bool is_of_this(std::uint32_t i, std::uint64_t greeting) const {
    return static_cast<std::uint32_t>(greeting) == links_.received[i] + 1;
  }
  STRETTO_DEVICE bool disagrees(std::uint32_t i, std::uint64_t greeting) const {
    return takes_from(i) && is_of_this(i, greeting) && greeting >> 32 != exchange_.descriptor;
  }

  /// By numbers: offsets from nullptr are absolute addresses.
  STRETTO_DEVICE static std::byte* moved(const std::byte* base, std::uint64_t offset) {
    return __builtin_bit_cast(std::byte*, reinterpret_cast<std::uintptr_t>(base) + offset);
  }

  STRETTO_DEVICE Piece load_input(std::uint64_t at, const ExchangeShare& share, std::uint64_t i) {
    Piece piece = load_plain<kGranule_bytes>(moved(exchange_.input, at + i * kGranule_bytes), share.left_at(i));
    if constexpr (Arithmetic::reduces) {
      if (exchange_.multiplies) multiply(piece);
    }
    return piece;
  }

  STRETTO_DEVICE void multiply(Piece& piece) const {
    Factors factors;
    factors.load(piece);
    Piece scalar{};
    scalar.words[0] = exchange_.scalar;
    factors.combine_with(Arithmetic::Product::load(Factors::element(scalar, 0)));
    piece = factors.store();
  }

  STRETTO_DEVICE void store_output(std::uint64_t at, const ExchangeShare& share, std::uint64_t i, const Piece& piece) {
    if (machine_.failed()) return;
    store_plain<kGranule_bytes>(moved(exchange_.output, at + i * kGranule_bytes), piece, share.left_at(i));
  }

  STRETTO_DEVICE void send(std::uint32_t i, const Piece& first) {
    if (!sends_to(i)) return;
    const ExchangeShare share = ExchangeShare::of(channel_, peer(i).send_bytes, peer(i).send_share_lines * kLine_bytes);
    const std::uint64_t at = peer(i).send_offset + share.begin;
    Packet* const to = window_of(i).packets(exchange_.shape, channel_, exchange_.rank, links_.sent[i]);
    const std::uint64_t flag = static_cast<std::uint64_t>(links_.sent[i] + 1) << 32;
    for (std::uint64_t packet = machine_.thread(); packet < at_least_one(share); packet += machine_.threads()) {
      const bool known = packet == machine_.thread() && peer(i).send_offset == exchange_.own_from;
      Piece piece = first;
      if (!known) piece = packet < share.packets() ? load_input(at, share, packet) : Piece{};
      if (links_.sent[i] - links_.head[i] >= exchange_.shape.packet_slots) acquire(i);
      if (machine_.failed()) return;
      machine_.store_packet(to + packet, Packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}});
    }
    log_step(peer(i).put_step);
  }

  /// Until the slot is free. Rare: a credit was mostly given long ago.
  STRETTO_DEVICE void acquire(std::uint32_t i) {
    typename Machine::Patience patience(machine_);
    while (links_.sent[i] - machine_.load_credit(&own_words(i).head) >= exchange_.shape.packet_slots) {
      if (!keep_waiting(patience, i, peer(i).put_step)) return;
    }
  }

  STRETTO_DEVICE bool keep_waiting(typename Machine::Patience& patience, std::uint32_t i, std::uint32_t step) {
    if (machine_.keep_waiting(patience)) {
      if (!machine_.has_looked(patience) || !disagrees(i, greeting_of(i))) return true;
      machine_.disagree(step, peer(i).rank);
      return false;
    }
    machine_.fail(step, peer(i).rank);
    return false;
  }

  /// One thread looks at the peer's greeting beside its packet: so that costs no time of its own.
  STRETTO_DEVICE Piece await_packet(std::uint32_t i, std::uint64_t place) {
    const std::uint32_t flag = links_.received[i] + 1;
    const Packet* packet = own_window().packets(exchange_.shape, channel_, peer(i).rank, links_.received[i]) + place;
    const bool looks = place == 0;
    typename Machine::Patience patience(machine_);
    std::uint64_t greeting = looks ? greeting_of(i) : 0;
    Packet seen = machine_.load_packet(packet);
    while ((seen.words[0] >> 32) != flag || (seen.words[1] >> 32) != flag) {
      if (!keep_waiting(patience, i, peer(i).take_step)) break;
      if (looks) greeting = greeting_of(i);
      seen = machine_.load_packet(packet);
    }
    if (looks && !machine_.failed()) {
      if (!is_of_this(i, greeting)) greeting = greeting_of(i);  // it was sent before the packet, but has no order
      if (disagrees(i, greeting)) machine_.disagree(peer(i).take_step, peer(i).rank);
    }
    Piece piece{};
    piece.words[0] = (seen.words[0] & 0xffffffffU) | seen.words[1] << 32;
    return piece;
  }

  STRETTO_DEVICE void sum(const Piece& first, std::uint64_t packet) {
    Piece own = first;
    if (packet != machine_.thread() && is_own(packet)) own = load_input(exchange_.own_from + own_.begin, own_, packet);
    Accumulators total;
    bool is_first = true;
    const auto add = [&](const Piece& piece) {
      if (is_first) {
        total.load(piece);
      } else {
        total.combine(piece);
      }
      is_first = false;
    };
    std::uint32_t i = 0;
    for (; i < exchange_.n_peers && peer(i).rank < exchange_.rank; ++i) add_from(i, packet, add);
    add(own);
    for (; i < exchange_.n_peers; ++i) add_from(i, packet, add);
    if (exchange_.divisor != 1) total.divide(exchange_.divisor);
    store_output(exchange_.own_to + own_.begin, own_, packet, total.store());
    if (packet == machine_.thread()) log_step(exchange_.own_step);
  }

  template <class Add>
  STRETTO_DEVICE void add_from(std::uint32_t i, std::uint64_t packet, const Add& add) {
    if (takes_from(i)) add(await_packet(i, packet));
  }

  STRETTO_DEVICE void keep_own(const Piece& first) {
    if (exchange_.own_to == kNowhere) return;
    const bool stays = exchange_.output + exchange_.own_to == exchange_.input + exchange_.own_from;
    for (std::uint64_t i = machine_.thread(); i < own_.packets() && !(stays && !exchange_.multiplies);
         i += machine_.threads()) {
      const Piece piece = i == machine_.thread() ? first : load_input(exchange_.own_from + own_.begin, own_, i);
      store_output(exchange_.own_to + own_.begin, own_, i, piece);
    }
    log_step(exchange_.own_step);
  }

  STRETTO_DEVICE void receive(std::uint32_t i) {
    if (!takes_from(i)) return;
    const ExchangeShare share =
        ExchangeShare::of(channel_, peer(i).receive_bytes, peer(i).receive_share_lines * kLine_bytes);
    for (std::uint64_t packet = machine_.thread(); packet < at_least_one(share); packet += machine_.threads()) {
      store_output(peer(i).receive_offset + share.begin, share, packet, await_packet(i, packet));
    }
    log_step(peer(i).take_step);
  }

  STRETTO_DEVICE void log_step(std::uint32_t step) {
    if (!machine_.failed()) machine_.log(step, 0);
  }

  /// As Connections::await_earlier.
  STRETTO_DEVICE_RARE void await_earlier() {
    if (machine_.thread() == 0) {
      typename Machine::Patience patience(machine_);
      while (static_cast<std::int32_t>(machine_.poll(&own_window().header().ended) - exchange_.after) < 0) {
        if (machine_.failed()) break;
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
    if (machine_.failed()) machine_.give_credit(&own_window().header().dead, 1);
    for (std::uint32_t i = machine_.thread(); i < exchange_.n_peers && !machine_.failed(); i += machine_.threads()) {
      LinkWords& words = own_words(i);
      if (sends_to(i)) words.sent = links_.sent[i] + 1;
      if (takes_from(i)) words.received = links_.received[i] + 1;
    }
    for (std::uint32_t i = 0; i < exchange_.n_peers && machine_.thread() == 0 && !machine_.failed(); ++i) {
      if (takes_from(i)) machine_.log(peer(i).release_step, 0);
    }
    for (std::uint32_t i = 0; i < exchange_.n_peers; ++i) keep_up(i);
    if (!exchange_.counts) return;
    machine_.barrier();
    if (machine_.thread() == 0) machine_.count(&own_window().header().ended);
  }

  /// What is due once in many messages. All threads come here, failed or not, and meet.
  STRETTO_DEVICE void keep_up(std::uint32_t i) {
    const bool is_due = (links_.sent[i] & (exchange_.shape.refresh_period - 1)) == 0;
    if (sends_to(i) && is_due && machine_.thread() == 0 && !machine_.failed()) {
      machine_.give_credit(&words_at(i).tail, links_.sent[i]);
    }
    if (takes_from(i) && is_to_be_refreshed(exchange_.shape, links_.received[i])) {
      machine_.barrier();  // all have read the message
      refresh_packets(machine_, own_window(), exchange_.shape, channel_, peer(i).rank, links_.received[i]);
    }
  }

  Machine& machine_;
  const Exchange& exchange_;
  ExchangeLinks& links_;
  std::uint32_t channel_;
  ExchangeShare own_;  ///< of this rank's own block
};

}  // namespace stretto::device
