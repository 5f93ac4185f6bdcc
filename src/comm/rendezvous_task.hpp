// The service thread's share of a rendezvous: the listener behind a unique id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/system.hpp"
#include "bootstrap/bootstrap.hpp"
#include "stretto/stretto.h"

namespace stretto {

/// Listens in this process and returns the id. Throws Error. @param key the id's; else a random one
strettoUniqueId start_rendezvous(const Endpoint& address,
                                 const std::optional<std::array<std::byte, 32>>& key = std::nullopt);
/// The same on the loopback that this host has: IPv4, else IPv6.
strettoUniqueId start_local_rendezvous();

/// One that is the caller's to poll, on the loopback likewise.
std::unique_ptr<Rendezvous> make_local_rendezvous();

/// Ends the rendezvous of this id, if it is this process's: a communicator of one rank needs none.
void end_rendezvous(const strettoUniqueId& id);
/// The same, unless a rank has joined, who may be to be told something: of an id that nobody else has by other ways.
void end_unused_rendezvous(const strettoUniqueId& id);

}  // namespace stretto
