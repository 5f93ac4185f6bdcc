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

/// Looks at the machine for a rank, where the settings say so: in the calling thread, since that can take long. Reads
/// the file, if there is one, and merges it with what a probe sees: where it knows the processors of this thread, the
/// socket is the file's. Rank 0 writes what came of it where the settings say; that this fails is logged. Why the file
/// cannot be taken is kept for identity_of(), so that all ranks hear of it.
void adopt_machine(Settings& settings, Rank rank);

/// What a rank says of where it runs. Throws the Error that adopt_machine() kept, with the variable as field.
HostIdentity identity_of(System& system, const Settings& settings, Rank rank, int n_ranks);

}  // namespace stretto
