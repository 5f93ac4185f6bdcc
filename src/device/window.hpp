// The memory of a rank that its peers write: counters, packets and slots, for each channel and peer. Each word has one
// writer. Peers push; nobody reads another's window, since a load over a link waits for its answer, and a store does
// not.
//
//   header | words of links | words of channels | packets | wide packets | slots
//
// A channel's connections count the messages of all protocols: a rank that takes a call for another one than its peer
// does, and so waits for messages of another kind, still sees the peer's greeting. Wide packets have more channels than
// the others.
// A message from rank s to rank r on channel c is number m of its connection, counted from 0 since the window was made,
// modulo 2^32. It lies in slot m mod S of r's window. Flags of its packets are m + 1.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/portable.hpp"

namespace stretto::device {

/// Of a channel and a peer, in the window of this rank. `tail`, `head` and `greeting` are the peer's to write.
struct alignas(32) LinkWords {
  std::uint32_t tail = 0;      ///< messages that the peer has signalled to this rank (slots; packets need none)
  std::uint32_t head = 0;      ///< messages of this rank that the peer has released
  std::uint32_t sent = 0;      ///< by the last operation that ended
  std::uint32_t received = 0;  ///< likewise, and released
  /// Of the peer's last operation that sends here: in the low half the number of its first message, plus 1, in the high
  /// half what it takes the operation for (Operation::descriptor). Written as a whole.
  std::uint64_t greeting = 0;
  std::uint32_t busy = 0;  ///< this rank: an exchange is under way
  std::uint32_t unused = 0;
};

/// Of a channel, between the two halves of a strand of this rank that run side by side (program.hpp). No peer's. Counts
/// are of rounds of operations that order their halves (Operation::orders_halves), modulo 2^32.
struct alignas(16) ChannelWords {
  std::uint32_t passed = 0;  ///< rounds whose input has been read: the sending half's to write
  std::uint32_t taken = 0;   ///< rounds of operations that have ended: the receiving half's
  std::uint32_t unused[2] = {};
};

struct alignas(128) WindowHeader {
  std::uint32_t dead = 0;   ///< set by a kernel that gave up: later ones do nothing
  std::uint32_t ended = 0;  ///< strands that have ended, modulo 2^32: the host reads here how far the device is
};

/// Two words, each {payload: 32 bits, flag: 32 bits}, each of them written and read as a whole: so a word is either old
/// or new, and says which. Never holds anything else.
struct alignas(16) Packet {
  std::uint64_t words[2] = {};
};
constexpr std::size_t kPacketPayload_bytes = 8;

/// 15 words of payload and the number of a message, which is the only one to say that all of them are new. So it is
/// written and read by 8 neighbouring threads of a warp at once, each of which has 16 bytes: over NVLink, and in the
/// memory of a GPU, such a line of 128 bytes arrives as a whole. PTX does not promise that; NVIDIA's library relies on
/// it too (its LL128). Never holds anything else.
struct alignas(128) WidePacket {
  static constexpr std::uint32_t kPieces = 8;  ///< of two words; the last one has one of payload, and the flag
  std::uint64_t words[2 * kPieces] = {};
};
constexpr std::size_t kWidePayload_bytes = sizeof(WidePacket) - sizeof(std::uint64_t);

/// Equal on all ranks. Numbers of slots are powers of two, capacities multiples of 64.
struct WindowShape {
  std::uint32_t n_ranks = 1;
  std::uint32_t channels = 1;
  std::uint32_t packet_slots = 2;          ///< of wide packets as well
  std::uint32_t packet_slot_bytes = 4096;  ///< of payload
  std::uint32_t slots = 4;
  std::uint32_t slot_bytes = 64 << 10;
  /// A slot's packets are all rewritten once in so many uses (a power of two), so that no flag lives for 2^32 messages.
  std::uint32_t refresh_period = 1 << 20;
  std::uint32_t wide_channels = 0;
  std::uint32_t wide_packets = 128;  ///< of a slot: whole lines of 64 bytes of payload, so a multiple of 8

  friend bool operator==(const WindowShape&, const WindowShape&) = default;

  STRETTO_DEVICE std::size_t index(std::uint32_t channel, std::uint32_t owner, std::uint32_t peer) const {
    return static_cast<std::size_t>(channel) * (n_ranks - 1) + (peer < owner ? peer : peer - 1);
  }
  STRETTO_DEVICE std::size_t pairs() const { return static_cast<std::size_t>(channels) * (n_ranks - 1); }
  STRETTO_DEVICE static constexpr std::size_t links_begin() { return sizeof(WindowHeader); }
  STRETTO_DEVICE std::size_t wide_pairs() const { return static_cast<std::size_t>(wide_channels) * (n_ranks - 1); }
  /// Of any protocol.
  STRETTO_DEVICE std::uint32_t link_channels() const { return channels > wide_channels ? channels : wide_channels; }
  STRETTO_DEVICE std::size_t channels_begin() const {
    return links_begin() + static_cast<std::size_t>(link_channels()) * (n_ranks - 1) * sizeof(LinkWords);
  }
  STRETTO_DEVICE std::size_t packets_begin() const { return channels_begin() + channels * sizeof(ChannelWords); }
  STRETTO_DEVICE std::size_t packets_per_slot() const { return packet_slot_bytes / kPacketPayload_bytes; }
  STRETTO_DEVICE std::size_t wide_slot_bytes() const { return wide_packets * sizeof(WidePacket); }
  /// Of payload.
  STRETTO_DEVICE std::size_t wide_capacity_bytes() const { return wide_packets * kWidePayload_bytes; }
  STRETTO_DEVICE std::size_t wide_packets_begin() const {
    const std::size_t end = packets_begin() + pairs() * packet_slots * packets_per_slot() * sizeof(Packet);
    return (end + 127) / 128 * 128;
  }
  STRETTO_DEVICE std::size_t slots_begin() const {
    return wide_packets_begin() + wide_pairs() * packet_slots * wide_slot_bytes();
  }
  STRETTO_DEVICE std::size_t bytes() const { return slots_begin() + pairs() * slots * slot_bytes; }
};

/// Addresses in the window of rank `owner`.
struct Window {
  std::byte* base = nullptr;
  std::uint32_t owner = 0;

  STRETTO_DEVICE WindowHeader& header() const { return *reinterpret_cast<WindowHeader*>(base); }
  STRETTO_DEVICE LinkWords& link(const WindowShape& shape, std::uint32_t channel, std::uint32_t peer) const {
    return reinterpret_cast<LinkWords*>(base + shape.links_begin())[shape.index(channel, owner, peer)];
  }
  STRETTO_DEVICE ChannelWords& channel(const WindowShape& shape, std::uint32_t channel) const {
    return reinterpret_cast<ChannelWords*>(base + shape.channels_begin())[channel];
  }
  STRETTO_DEVICE Packet* packets(const WindowShape& shape, std::uint32_t channel, std::uint32_t peer,
                                 std::uint32_t message) const {
    const std::size_t slot =
        shape.index(channel, owner, peer) * shape.packet_slots + (message & (shape.packet_slots - 1));
    return reinterpret_cast<Packet*>(base + shape.packets_begin()) + slot * shape.packets_per_slot();
  }
  /// The first of a message's.
  STRETTO_DEVICE WidePacket* wide_packets(const WindowShape& shape, std::uint32_t channel, std::uint32_t peer,
                                          std::uint32_t message) const {
    const std::size_t slot =
        shape.index(channel, owner, peer) * shape.packet_slots + (message & (shape.packet_slots - 1));
    return reinterpret_cast<WidePacket*>(base + shape.wide_packets_begin()) + slot * shape.wide_packets;
  }
  STRETTO_DEVICE std::byte* slot(const WindowShape& shape, std::uint32_t channel, std::uint32_t peer,
                                 std::uint32_t message) const {
    const std::size_t slot = shape.index(channel, owner, peer) * shape.slots + (message & (shape.slots - 1));
    return base + shape.slots_begin() + slot * shape.slot_bytes;
  }
};

}  // namespace stretto::device
