// Where a rank runs. Its machine is looked at where STRETTO_TOPO_FILE or STRETTO_TOPO_DUMP is set, and only there: a
// probe takes time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.hpp"
#include "base/system.hpp"
#include "comm/settings.hpp"
#include "topology/graph/machine.hpp"

namespace stretto {

/// The number of the socket that has all of these processors, -1 if they are on several; nothing if the machine does
/// not know where they all are. Where it does not say of each NUMA node on which socket it is, each counts as one.
std::optional<std::int32_t> socket_in(const topology::Machine& machine, std::span<const std::size_t> processors);

/// What a rank says of where it runs. Reads the file, if there is one, and merges it with what a probe sees: where it
/// knows the processors of this thread, the socket is the file's. Rank 0 writes what came of it where the settings say;
/// that this fails is logged. Throws Error, with the variable as field, where the file cannot be read.
HostIdentity identity_of(System& system, const Settings& settings, Rank rank, int n_ranks);

}  // namespace stretto
