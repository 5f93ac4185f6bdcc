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

/// Of one peer. Offsets are of blocks, in this rank's buffers.
struct ExchangePeer {
  std::byte* window = nullptr;              ///< the peer's, as this rank addresses it
  std::uint64_t send_offset = kNowhere;     ///< in the input, of what it gets; kNowhere: nothing
  std::uint64_t receive_offset = kNowhere;  ///< in the output, of what it gives; of a sum: 0; kNowhere: nothing
  std::uint16_t rank = 0;
  std::uint16_t put_step = 0;
  std::uint16_t take_step = 0;  ///< where its message is read
  std::uint16_t release_step = 0;

  friend bool operator==(const ExchangePeer&, const ExchangePeer&) = default;
};

struct Exchange {
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  std::byte* window = nullptr;        ///< this rank's own
  std::uint64_t own_from = kNowhere;  ///< offset of this rank's own block in the input
  std::uint64_t own_to = kNowhere;    ///< and of that, or of the sum, in the output
  std::uint64_t block_bytes = 0;
  std::uint64_t share_bytes = 0;  ///< of a block: each channel's, but of the last ones
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

template <class Machine, class Arithmetic>
class ExchangeRunner {
 public:
  static constexpr int kGranule_bytes = static_cast<int>(kPacketPayload_bytes);

  STRETTO_DEVICE ExchangeRunner(Machine& machine, const Exchange& exchange, ExchangeLinks& links, std::uint32_t channel)
      : machine_(machine), exchange_(exchange), links_(links), channel_(channel) {
    const std::uint64_t begin = channel * exchange.share_bytes;
    begin_ = begin < exchange.block_bytes ? begin : exchange.block_bytes;
    const std::uint64_t left = exchange.block_bytes - begin_;
    bytes_ = left < exchange.share_bytes ? left : exchange.share_bytes;
  }

  STRETTO_DEVICE void run() {
    if (exchange_.waits) await_earlier();
    load_links();
    const std::uint64_t first = machine_.thread();
    Piece own{};
    if (is_mine(first)) own = load_input(exchange_.own_from, first);
    machine_.barrier();
    greet();
    // All is sent before anything is waited for. In place too: what a thread writes later, only it has read.
    for (std::uint64_t granule = first; granule < granules(); granule += machine_.threads()) {
      send(granule == first || !is_mine(granule) ? own : load_input(exchange_.own_from, granule), granule);
    }
    for (std::uint64_t granule = first; granule < granules(); granule += machine_.threads()) {
      if (granule != first && is_mine(granule)) own = load_input(exchange_.own_from, granule);
      if constexpr (Arithmetic::reduces) {
        if (exchange_.sums) {
          sum(own, granule);
          continue;
        }
      }
      receive(own, granule);
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
  STRETTO_DEVICE bool sends_to(std::uint32_t i) const { return peer(i).send_offset != kNowhere; }
  STRETTO_DEVICE bool takes_from(std::uint32_t i) const { return peer(i).receive_offset != kNowhere; }

  /// A message has one packet at least, so that ranks meet even over nothing.
  STRETTO_DEVICE std::uint64_t granules() const {
    const std::uint64_t some = (bytes_ + kGranule_bytes - 1) / kGranule_bytes;
    return some != 0 ? some : 1;
  }
  STRETTO_DEVICE bool is_mine(std::uint64_t granule) const {
    return exchange_.own_from != kNowhere && granule * kGranule_bytes < bytes_;
  }
  /// Of a granule, what belongs to the share.
  STRETTO_DEVICE std::uint64_t bytes_from(std::uint64_t granule) const {
    const std::uint64_t offset = granule * kGranule_bytes;
    return bytes_ > offset ? bytes_ - offset : 0;
  }

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

  STRETTO_DEVICE Piece load_input(std::uint64_t block, std::uint64_t granule) {
    const std::uint64_t offset = granule * kGranule_bytes;
    Piece piece = load_plain<kGranule_bytes>(exchange_.input + block + begin_ + offset, bytes_from(granule));
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

  STRETTO_DEVICE void store_output(std::uint64_t block, std::uint64_t granule, const Piece& piece) {
    const std::uint64_t offset = granule * kGranule_bytes;
    if (machine_.failed()) return;
    store_plain<kGranule_bytes>(exchange_.output + block + begin_ + offset, piece, bytes_from(granule));
  }

  STRETTO_DEVICE void send(const Piece& own, std::uint64_t granule) {
    for (std::uint32_t place = 0; place < exchange_.n_sends; ++place) {
      const std::uint32_t i = exchange_.send_order[place];
      Piece piece = own;
      if (peer(i).send_offset != exchange_.own_from) {
        piece = bytes_from(granule) > 0 ? load_input(peer(i).send_offset, granule) : Piece{};
      }
      if (links_.sent[i] - links_.head[i] >= exchange_.shape.packet_slots) acquire(i);
      if (machine_.failed()) return;
      const std::uint64_t flag = static_cast<std::uint64_t>(links_.sent[i] + 1) << 32;
      Packet* to = window_of(i).packets(exchange_.shape, channel_, exchange_.rank, links_.sent[i]) + granule;
      machine_.store_packet(to, Packet{{(piece.words[0] & 0xffffffffU) | flag, piece.words[0] >> 32 | flag}});
      log_first(granule, peer(i).put_step);
    }
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
  STRETTO_DEVICE Piece await_packet(std::uint32_t i, std::uint64_t granule) {
    const std::uint32_t flag = links_.received[i] + 1;
    const Packet* packet = own_window().packets(exchange_.shape, channel_, peer(i).rank, links_.received[i]) + granule;
    const bool looks = machine_.thread() == 0 && granule == 0;
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

  STRETTO_DEVICE void sum(const Piece& own, std::uint64_t granule) {
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
    for (; i < exchange_.n_peers && peer(i).rank < exchange_.rank; ++i) add(await_packet(i, granule));
    add(own);
    for (; i < exchange_.n_peers; ++i) add(await_packet(i, granule));
    if (exchange_.divisor != 1) total.divide(exchange_.divisor);
    store_output(exchange_.own_to, granule, total.store());
    log_first(granule, exchange_.own_step);
  }

  STRETTO_DEVICE void receive(const Piece& own, std::uint64_t granule) {
    const bool moves =
        exchange_.own_to != kNowhere && exchange_.output + exchange_.own_to != exchange_.input + exchange_.own_from;
    if (moves || exchange_.multiplies) {
      if (exchange_.own_to != kNowhere) store_output(exchange_.own_to, granule, own);
    }
    if (exchange_.own_to != kNowhere) log_first(granule, exchange_.own_step);
    for (std::uint32_t place = 0; place < exchange_.n_takes; ++place) {
      const std::uint32_t i = exchange_.take_order[place];
      store_output(peer(i).receive_offset, granule, await_packet(i, granule));
      log_first(granule, peer(i).take_step);
    }
  }

  STRETTO_DEVICE void log_first(std::uint64_t granule, std::uint32_t step) {
    if (granule == machine_.thread() && !machine_.failed()) machine_.log(step, 0);
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
  std::uint64_t begin_ = 0;  ///< of this channel's share, in its block
  std::uint64_t bytes_ = 0;
};

}  // namespace stretto::device
