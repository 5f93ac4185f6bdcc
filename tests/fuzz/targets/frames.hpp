// Frames as members say them behind the seal, and as no member would: types and fields come from the input.
#pragma once

#include <vector>

#include "base/system.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {

/// Never empty. @param known an address that somebody listens at, for frames that name one
std::vector<std::byte> some_frame(Input& input, const Endpoint& known);

}  // namespace stretto::fuzz
