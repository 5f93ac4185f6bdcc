// What packets need once in many messages, so that a flag says for ever which message it belongs to.
#pragma once

#include "device/window.hpp"

namespace stretto::device {

/// Once in refresh_period uses of a slot, all its packets of either kind get the flag of the message just read: beyond
/// the end of short messages, and in messages of another protocol, there may be flags from long ago, and 2^32 messages
/// later they would be taken for new.
STRETTO_DEVICE bool is_to_be_refreshed(const WindowShape& shape, std::uint32_t message) {
  return (message / shape.packet_slots & (shape.refresh_period - 1)) == shape.refresh_period - 1;
}

/// By all threads of a block, when all have read the message, in the window of its receiver; before its slot is
/// released.
template <class Machine>
STRETTO_DEVICE void refresh_packets(Machine& machine, const Window& own, const WindowShape& shape,
                                    std::uint32_t channel, std::uint32_t peer, std::uint32_t message) {
  const std::uint64_t flag = message + 1;
  if (channel < shape.channels) {
    Packet* const packets = own.packets(shape, channel, peer, message);
    STRETTO_NO_UNROLL
    for (std::size_t i = machine.thread(); i < shape.packets_per_slot(); i += machine.threads()) {
      if (!machine.failed()) machine.store_packet(packets + i, Packet{{flag << 32, flag << 32}});
    }
  }
  if (channel < shape.wide_channels) {
    WidePacket* const packets = own.wide_packets(shape, channel, peer, message);
    STRETTO_NO_UNROLL
    for (std::size_t i = machine.thread(); i < shape.wide_packets; i += machine.threads()) {
      if (!machine.failed()) machine.store_word(&packets[i].words[2 * WidePacket::kPieces - 1], flag);
    }
  }
  machine.settle();
  machine.barrier();
}

}  // namespace stretto::device
