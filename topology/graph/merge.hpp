// A machine as a file describes it, with what a probe of the same machine knows besides.
#pragma once

#include "topology/graph/machine.hpp"

namespace stretto::topology {

/// The file's tree wins, and whatever the file says: the probe only fills in. Nodes are the same if they have the same
/// bus id, or the same number of a NUMA node; networks, if they have the same name and port in the same NIC.
///
/// - A fact that the file leaves open is the probe's. A function of which the file does not say what it is (no class)
///   is what the probe says.
/// - A NIC without networks in the file gets the probe's; one that has some keeps them.
/// - Links belong to a GPU: those from it, and those to it from a switch or a NUMA node. A GPU for which the file has
///   links of a kind keeps them; another gets the probe's of that kind.
/// - What only the probe has seen of GPUs, NICs and switches is added where it saw it, with the bridges in between:
///   below the nearest node that the file has, too. Bridges by themselves are not added.
///
/// Pure. Throws Error(strettoInvalidArgument) if what comes of it is no machine.
Machine merge(const Machine& file, const Machine& probed);

}  // namespace stretto::topology
