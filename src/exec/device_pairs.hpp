// Sends and receives as programs for a device: what one rank has with its peers, all at once. Pure.
//
// Both sides of a message must cut it alike, and each knows nothing but its own calls: so how a message travels (which
// protocol, how many channels) follows from its bytes and the windows' shape alone, and the k-th message between two
// ranks in one direction goes in the k-th wave on both sides.
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

/// One launch: a program, by slots, or an exchange of packets.
struct PairLaunch {
  /// Its inputs and outputs are absolute, as those of the exchange are: the operation's pointers are nullptr.
  std::optional<DeviceProgram> program;
  device::Exchange exchange;
  std::uint32_t blocks = 1;
  std::uint32_t threads = 32;
};

/// To be launched in this order. Peers are other ranks. At most 2 * max(channels, n_ranks - 1) blocks each.
std::vector<PairLaunch> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape);

/// The most channels that one message uses by slots.
std::uint32_t pair_channels(const device::WindowShape& shape);

}  // namespace stretto
