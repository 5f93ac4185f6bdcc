// What engines of either kind, for host memory or a device, do with requests before they bind them.
#pragma once

#include <cstddef>

#include "exec/binding.hpp"

namespace stretto {

/// Direct-mapped caches of what is bound have so many entries.
constexpr std::size_t kBoundMost = 256;
/// The entry of a request.
std::size_t entry_of(const Request& request) noexcept;

/// Throws Error(strettoInvalidArgument) for more than memory can be. `row`: what the request is planned as.
void check_size(const Request& request, const CollectiveRow& row, int n_ranks);

/// Of blocks of unequal sizes the mean, rounded up so that calls of about the same size share a plan.
std::size_t count_to_plan(const BlockSizes& sizes) noexcept;

}  // namespace stretto
