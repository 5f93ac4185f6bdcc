// Sends and receives as programs for a device: what one rank has with its peers, all at once. Pure.
//
// Both sides of a message must cut it alike, and each knows nothing but its own calls: so how a message travels (which
// protocol, how many channels) follows from its bytes and the windows' shape alone.
//
// Nor do the two sides need to make the same groups: the messages of one peer and direction go in the order of the
// calls, and wait for nothing else. So one launch has them all, and in it each peer and direction has blocks of its
// own. Where there is one small message of each at most, an exchange does as well, though it waits for no message
// before all are sent: each of those that it sends has a slot of two that is free, since the receive of the message
// before the last has begun, or this call would not be reached even if nothing was buffered.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "device/exchange.hpp"
#include "device/program.hpp"
#include "device/window.hpp"
#include "exec/device_program.hpp"

namespace stretto {

struct DeviceTransfer {
  Rank peer = 0;
  bool sends = false;
  std::uint64_t address = 0;  ///< of this rank's memory
  std::uint64_t bytes = 0;
};

/// One launch: a program for device/pairs_runner.hpp, or an exchange of packets.
struct PairLaunch {
  /// Its inputs and outputs are absolute, as those of the exchange are: the operation's pointers are nullptr.
  std::optional<DeviceProgram> program;
  device::Exchange exchange;
  std::uint32_t blocks = 1;
  std::uint32_t strands = 1;
  std::uint32_t threads = 32;
};

/// One launch, or, of more messages than a program can hold, several, to be launched in this order: the first messages
/// of all peers, then the next. Peers are other ranks. At most 2 * max(channels, n_ranks - 1) blocks each.
std::vector<PairLaunch> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape);

/// The most channels that one message uses by slots, and blocks that one peer's messages in one direction have.
std::uint32_t pair_channels(const device::WindowShape& shape);

}  // namespace stretto
