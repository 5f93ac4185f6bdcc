// Chunks through memory that the ranks of one host share. One memory object per host and communicator: its lowest
// rank (the leader) makes it and hands it to the others over a local socket; nothing has a name in a file system, so
// nothing outlives the processes, and the size of /dev/shm does not matter.
//
// layout.hpp: what lies where. ports.hpp: the hot path. handshake.hpp, leader.hpp, joiner.hpp: set-up.
// Ranks may be processes, threads, or one thread that polls all of them; the protocol is the same.
#pragma once

#include <cstdint>
#include <memory>

#include "transports/transport.hpp"

namespace stretto {

/// start() takes as peers all ranks of this host but this one, on every one of them.
/// @param first_position where the 32-bit message counters start: tests start them close to their wrap. Equal on all
///        ranks, a multiple of 2 * slots.
std::unique_ptr<Transport> make_shm_transport(System& system, const TransportConfig& config,
                                              std::uint32_t first_position = 0);

}  // namespace stretto
