// The machine that a draft describes: parents first, in the order of numbers and bus ids.
#pragma once

#include "topology/probe/draft.hpp"

namespace stretto::topology {

/// Whatever the draft says, the machine is a valid one. Adds remarks where something has no place.
Machine assemble(Draft& draft, const ProbeOptions& options);

}  // namespace stretto::topology
