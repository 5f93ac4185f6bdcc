#include "device/short_sum.hpp"

#include <algorithm>
#include <bit>
#include <limits>

#include "device/kernel_arguments.hpp"

namespace stretto::device {
namespace {

constexpr std::uint32_t kMostStep = std::numeric_limits<std::uint8_t>::max();

/// All peers give and get the whole block, in the same shares; nothing is added to what ranks agree on.
bool is_alike(const Exchange& exchange, const ExchangePeer& peer) {
  return peer.send_offset == exchange.own_from && peer.send_bytes == exchange.block_bytes &&
         peer.receive_bytes == exchange.block_bytes && peer.send_channels == peer.receive_channels &&
         peer.send_channels == exchange.peers[0].send_channels && peer.send_channels > 0 &&
         peer.send_share_lines == peer.receive_share_lines &&
         peer.send_share_lines * kLine_bytes == exchange.share_bytes && peer.send_salt == 0 && peer.receive_salt == 0 &&
         peer.take_step == exchange.own_step && peer.put_step <= kMostStep && peer.release_step <= kMostStep;
}

/// Of the largest share: shares of several channels are whole packets.
std::uint64_t packets_of(const Exchange& exchange) {
  const std::uint64_t bytes = std::min<std::uint64_t>(exchange.block_bytes, exchange.share_bytes);
  return std::max<std::uint64_t>(1, (bytes + kPacketPayload_bytes - 1) / kPacketPayload_bytes);
}

/// Which have fewer bits here.
bool has_short_offsets(const Exchange& exchange) {
  const std::uint64_t packets_end =
      exchange.shape.packets_begin() + exchange.shape.pairs() * exchange.packet_slots * exchange.slot_bytes;
  return exchange.shape.slots_begin() <= std::numeric_limits<std::uint32_t>::max() &&
         packets_end <= std::numeric_limits<std::uint32_t>::max() &&
         exchange.slot_bytes % ShortSum::kSlotUnit_bytes == 0 &&
         exchange.slot_bytes / ShortSum::kSlotUnit_bytes <= std::numeric_limits<std::uint16_t>::max();
}

bool fits(const Exchange& exchange) {
  const std::uint32_t n = exchange.n_peers;
  // The kernel finds a peer's words and packets by its place among all ranks.
  const bool is_of_all = n > 0 && n + 1 == exchange.shape.n_ranks && exchange.n_sends == n && exchange.n_takes == n;
  const bool is_plain = exchange.sums && !exchange.multiplies && !exchange.waits && exchange.own_from == 0 &&
                        exchange.own_to == 0 && exchange.own_step <= kMostStep && exchange.divisor > 0 &&
                        exchange.divisor <= static_cast<std::int32_t>(n + 1);
  if (!is_of_all || !is_plain || !has_short_offsets(exchange) || packets_of(exchange) > kMostShortSumParts / n)
    return false;
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!is_alike(exchange, exchange.peers[i]) || exchange.send_order[i] != (exchange.own_place + i) % n) return false;
  }
  return true;
}

}  // namespace

std::optional<ShortSumArguments> short_sum_of(const ExchangeArguments& arguments) {
  const Exchange& exchange = arguments.exchange;
  if (!fits(exchange)) return std::nullopt;
  ShortSumArguments made;
  made.faults = arguments.faults;
  ShortSum& sum = made.sum;
  sum.window = exchange.window;
  sum.input = exchange.input;
  sum.output = exchange.output;
  sum.descriptor = exchange.descriptor;
  sum.packets_begin = static_cast<std::uint32_t>(exchange.shape.packets_begin());
  sum.slot_units = static_cast<std::uint16_t>(exchange.slot_bytes / ShortSum::kSlotUnit_bytes);
  sum.bytes = static_cast<std::uint32_t>(exchange.block_bytes);
  sum.packets = static_cast<std::uint16_t>(packets_of(exchange));
  // Exact: rounding up adds less than part / 2^28 to a quotient that is 1 / packets below the next whole number at
  // least, and both numbers are 2^11 at most. There is room for it: a part is less than packets times peers.
  sum.inverse = ((1U << ShortSum::kInverseShift) + sum.packets - 1) / sum.packets;
  sum.n_peers = static_cast<std::uint8_t>(exchange.n_peers);
  sum.own_place = static_cast<std::uint8_t>(exchange.own_place);
  sum.slots_shift = static_cast<std::uint8_t>(std::bit_width(exchange.packet_slots) - 1);
  sum.counts = exchange.counts;
  sum.refresh_period = exchange.shape.refresh_period;
  sum.wide_begin = static_cast<std::uint32_t>(exchange.shape.wide_packets_begin());
  sum.wide_packets = exchange.shape.wide_channels >= exchange.peers[0].send_channels ? exchange.shape.wide_packets : 0;
  sum.divisor = static_cast<std::uint8_t>(exchange.divisor);
  sum.sum_step = static_cast<std::uint8_t>(exchange.own_step);
  for (std::uint32_t i = 0; i < exchange.n_peers; ++i) {
    sum.windows[i] = exchange.peers[i].window;
    sum.put_steps[i] = static_cast<std::uint8_t>(exchange.peers[i].put_step);
    sum.release_steps[i] = static_cast<std::uint8_t>(exchange.peers[i].release_step);
  }
  return made;
}

}  // namespace stretto::device
