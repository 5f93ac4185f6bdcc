// The service thread's share of a rendezvous: the listener behind a unique id.
#pragma once

#include <cstdint>

#include "base/system.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// Listens in this process and returns the id. Throws Error.
strettoUniqueId start_rendezvous(const Endpoint& address);
/// The same on the loopback that this host has: IPv4, else IPv6.
strettoUniqueId start_local_rendezvous();

/// Ends the rendezvous of this id, if it is this process's: a communicator of one rank needs none.
void end_rendezvous(const strettoUniqueId& id);

}  // namespace stretto
