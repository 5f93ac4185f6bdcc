// Sends and receives as programs for a device: what one rank has with its peers, all at once. Pure.
//
// Both sides of a message must cut it alike, and each knows nothing but its own calls: so how a message travels (which
// protocol, how many channels) follows from its bytes and the windows' shape alone, and the k-th message between two
// ranks in one direction goes in the k-th wave on both sides.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

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

struct PairProgram {
  device::Protocol protocol = device::Protocol::slots;
  DeviceProgram program;  ///< its inputs and outputs are absolute: the operation's pointers are nullptr
};

/// To be launched in this order. Peers are other ranks. At most 2 * (n_ranks - 1) * pair_channels strands each.
std::vector<PairProgram> lower_pairs(std::span<const DeviceTransfer> transfers, const device::WindowShape& shape);

/// The most channels that one message uses.
std::uint32_t pair_channels(const device::WindowShape& shape);

}  // namespace stretto
