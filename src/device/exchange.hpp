// An exchange: an operation in which each peer gets one block of this rank at most, and gives one at most. It is no
// program: what it does was read off a plan (exec/device_exchange.hpp). By packets it is small, a block is one message
// on each channel, and device/exchange_runner.hpp does it; by wide packets a block may be several messages, one a round
// of the plan, and device/wide_exchange_runner.hpp does it.
#pragma once

#include "device/window.hpp"

namespace stretto::device {

constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
constexpr std::uint32_t kMostExchangePeers = 7;
constexpr std::uint64_t kLine_bytes = 64;

/// Of one peer. Where its message lies, and its words, follow from the windows' shape (place_exchange): as numbers, so
// that the kernel has little to compute before its first packet.
struct ExchangePeer {
  std::byte* window = nullptr;       ///< the peer's, as this rank addresses it
  std::uint64_t send_offset = 0;     ///< in the input, of what it gets
  std::uint64_t receive_offset = 0;  ///< in the output, of what it gives, unless that is summed
  std::uint32_t send_bytes = 0;
  std::uint32_t receive_bytes = 0;
  std::uint32_t packets_there = 0;  ///< offset in its window, on channel 0, of the packets that it gets from this rank
  std::uint32_t words_there = 0;    ///< and of its words about this rank
  std::uint32_t packets_here = 0;   ///< likewise in this rank's window
  std::uint32_t words_here = 0;
  /// Of packets (of wide ones each peer's block has block_bytes, in shares of share_bytes): each channel's share of a
  /// message, but of the last ones, in lines of 64 bytes. And of both how many channels have a share,
  /// be it of nothing: a message has one packet on each of them at least.
  std::uint16_t send_share_lines = 0;
  std::uint16_t receive_share_lines = 0;
  std::uint16_t send_channels = 0;  ///< 0: nothing is sent
  std::uint16_t receive_channels = 0;
  std::uint16_t rank = 0;
  std::uint16_t put_step = 0;
  std::uint16_t take_step = 0;  ///< where its message is read
  std::uint16_t release_step = 0;
  /// Added to the descriptor, where each message has something of its own that both sides must agree on.
  std::uint16_t send_salt = 0;
  std::uint16_t receive_salt = 0;

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
  std::uint32_t descriptor = 0;       ///< a hash of what ranks must agree on
  std::uint16_t n_peers = 0;
  std::uint16_t own_place = 0;  ///< in the order of sums: how many peers come before
  std::uint8_t n_sends = 0;
  std::uint8_t n_takes = 0;
  std::uint8_t send_order[kMostExchangePeers] = {};  ///< indices of peers
  std::uint8_t take_order[kMostExchangePeers] = {};
  bool sums = false;  ///< own_to = the own block and all messages, in rank order
  bool multiplies = false;
  bool waits = false;
  bool counts = true;  ///< in WindowHeader::ended
  bool wide = false;   ///< by wide packets
  // By place_exchange:
  std::uint32_t words_per_channel_bytes = 0;
  std::uint32_t packets_per_channel_bytes = 0;
  std::uint32_t slot_bytes = 0;  ///< of packets
  std::uint32_t packet_slots = 2;
  ExchangePeer peers[kMostExchangePeers];  ///< in rank order
  // Rarely used:
  std::uint64_t scalar = 0;              ///< as Operation has it
  const std::byte* scalar_at = nullptr;  ///< likewise
  std::uint32_t after = 0;               ///< as Operation has it
  std::int32_t divisor = 1;              ///< of sums
  std::uint16_t rank = 0;
  std::uint16_t own_step = 0;  ///< of the sum, or of the own block's copy
  WindowShape shape;

  friend bool operator==(const Exchange&, const Exchange&) = default;
};

/// Whether an exchange moves whole words at addresses of words only, and nothing is multiplied.
inline bool is_plain(const Exchange& exchange) {
  constexpr std::uintptr_t kWord_bytes = 8;
  const auto all = reinterpret_cast<std::uintptr_t>(exchange.input) |
                   reinterpret_cast<std::uintptr_t>(exchange.output) |
                   static_cast<std::uintptr_t>(exchange.block_bytes);  // of which all offsets are multiples
  return all % kWord_bytes == 0 && !exchange.multiplies;
}

/// A channel's share of a block by wide packets, cut as plan/geometry.hpp cuts it: a message a round.
struct WideRounds {
  std::uint32_t count;
  std::uint32_t message_bytes;  ///< whole lines; the last ones may have less

  STRETTO_DEVICE static WideRounds of(std::uint32_t share_bytes, std::uint32_t capacity_bytes) {
    constexpr auto kLine = static_cast<std::uint32_t>(kLine_bytes);
    const std::uint32_t needed = (share_bytes + capacity_bytes - 1) / capacity_bytes;
    const std::uint32_t count = needed != 0 ? needed : 1;
    const std::uint32_t even = (share_bytes + count - 1) / count;
    const std::uint32_t lines_bytes = (even + kLine - 1) / kLine * kLine;
    return {count, lines_bytes < capacity_bytes ? lines_bytes : capacity_bytes};
  }
};

/// Fills in what follows from the shape of the windows.
inline void place_exchange(Exchange& exchange, const WindowShape& shape) {
  const auto pairs_per_channel = shape.n_ranks - 1;
  exchange.shape = shape;
  exchange.packet_slots = shape.packet_slots;
  exchange.slot_bytes =
      static_cast<std::uint32_t>(exchange.wide ? shape.wide_slot_bytes() : shape.packets_per_slot() * sizeof(Packet));
  exchange.words_per_channel_bytes = static_cast<std::uint32_t>(pairs_per_channel * sizeof(LinkWords));
  exchange.packets_per_channel_bytes = pairs_per_channel * exchange.packet_slots * exchange.slot_bytes;
  const auto words = [&](std::uint32_t owner, std::uint32_t peer) {
    return static_cast<std::uint32_t>(shape.links_begin() + shape.index(0, owner, peer) * sizeof(LinkWords));
  };
  const auto packets = [&](std::uint32_t owner, std::uint32_t peer) {
    const std::size_t begin = exchange.wide ? shape.wide_packets_begin() : shape.packets_begin();
    return static_cast<std::uint32_t>(begin +
                                      shape.index(0, owner, peer) * exchange.packet_slots * exchange.slot_bytes);
  };
  exchange.own_place = 0;
  for (std::uint32_t i = 0; i < exchange.n_peers; ++i) {
    ExchangePeer& peer = exchange.peers[i];
    peer.words_there = words(peer.rank, exchange.rank);
    peer.words_here = words(exchange.rank, peer.rank);
    peer.packets_there = packets(peer.rank, exchange.rank);
    peer.packets_here = packets(exchange.rank, peer.rank);
    if (peer.rank < exchange.rank) ++exchange.own_place;
  }
}

}  // namespace stretto::device
