// Recognises plans that are exchanges of messages, which have kernels of their own (device/exchange.hpp).
#pragma once

#include <optional>

#include "device/exchange.hpp"
#include "exec/binding.hpp"

namespace stretto {

/// What the exchange kernel has to do for a bound plan, read off its steps: who gets which block, who gives which, and
/// what becomes of them. Buffers, windows and the rest of a call are left empty. None for plans that do more than one
/// round, that pass on what they received, or that have more peers than the kernel.
std::optional<device::Exchange> recognise_exchange(const Binding& binding);

/// The same for wide packets, of any number of rounds. `binding` is of messages of `capacity_bytes`.
std::optional<device::Exchange> recognise_wide_exchange(const Binding& binding, std::size_t capacity_bytes);

}  // namespace stretto
