// What each collective of the benchmark is given and must give.
#pragma once

#include "bench.hpp"

namespace stretto::bench {

/// All but the buffers.
Operation make_operation(Collective collective, std::size_t bytes, int rank, int n_ranks);

/// Send element `index` of `rank`: a small integer, so that sums are exact in any order.
float input(int rank, std::size_t index);

/// Index of the first wrong element of the receive buffer, or their number.
std::size_t first_wrong(const Operation& operation);

}  // namespace stretto::bench
