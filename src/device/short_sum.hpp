// Small all-reduces: exchanges (device/exchange.hpp) of sums, of so few packets on each channel that a thread has one
// packet of one peer, or two. They have a kernel of their own, which does nothing else: a kernel that runs for two
// microseconds spends much of them on fetching instructions and arguments. device/short_sum_runner.hpp is it.
//
// Peers see what an exchange would send, so which of the two a rank runs is its own affair.
#pragma once

#include <optional>

#include "device/exchange.hpp"

namespace stretto::device {

struct ExchangeArguments;
struct ShortSumArguments;

/// Of a block. A part is one packet of one peer; the packets of all peers together on one channel are the parts.
constexpr std::uint32_t kMostShortSumThreads = 1024;
constexpr std::uint32_t kMostShortSumPartsPerThread = 2;
constexpr std::uint32_t kMostShortSumParts = kMostShortSumThreads * kMostShortSumPartsPerThread;

/// In the order of their use: launches read arguments by lines of 64 bytes, and the first two suffice where all goes
/// well.
struct ShortSum {
  std::byte* window = nullptr;  ///< this rank's own
  const std::byte* input = nullptr;
  std::byte* output = nullptr;
  std::uint32_t descriptor = 0;     ///< as Exchange has it
  std::uint32_t packets_begin = 0;  ///< in all windows: offset of the packets of channel 0
  std::uint32_t inverse = 0;        ///< of `packets`: part * inverse / 2^kInverseShift = part / packets
  std::uint32_t bytes = 0;          ///< on all channels
  std::uint16_t slot_units = 0;     ///< of packets: kSlotUnit_bytes each
  std::uint16_t packets = 1;        ///< of a channel's share, of which the last ones may have less: one at least
  std::uint8_t n_peers = 0;
  std::uint8_t own_place = 0;                   ///< in the order of sums
  std::uint8_t slots_shift = 0;                 ///< log2 of a connection's slots of packets
  bool counts = true;                           ///< in WindowHeader::ended
  std::byte* windows[kMostExchangePeers] = {};  ///< of the peers, in rank order
  std::uint32_t refresh_period = 0;             ///< as WindowShape has it
  std::uint8_t divisor = 1;
  // Of the plan: named where something goes wrong, and logged by tests.
  std::uint8_t sum_step = 0;
  std::uint8_t put_steps[kMostExchangePeers] = {};
  std::uint8_t release_steps[kMostExchangePeers] = {};
  std::uint32_t wide_begin = 0;    ///< in all windows: offset of the wide packets of channel 0
  std::uint32_t wide_packets = 0;  ///< of a slot; 0: there are none

  static constexpr std::uint32_t kInverseShift = 28;
  static constexpr std::uint32_t kSlotUnit_bytes = 128;
  /// Of a channel.
  std::uint32_t parts() const { return std::uint32_t{packets} * n_peers; }
  /// Each has a kernel, which has no more code than it needs.
  std::uint32_t parts_per_thread() const { return parts() <= kMostShortSumThreads ? 1 : kMostShortSumPartsPerThread; }
  std::uint32_t threads() const { return (parts() + parts_per_thread() - 1) / parts_per_thread(); }
};

/// The same operation, if it is one: buffers, windows and all else that a launch needs is there.
std::optional<ShortSumArguments> short_sum_of(const ExchangeArguments& arguments);

}  // namespace stretto::device
