// What is inside the 128 bytes of a unique id: where the rendezvous listens, and the key that members prove to know.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "base/system.hpp"
#include "stretto/stretto.h"

namespace stretto {

using Key = std::array<std::byte, 32>;

inline constexpr std::size_t unique_id_endpoints_max = 2;  ///< room for one of each address family

struct IdContents {
  Key key{};
  std::vector<Endpoint> endpoints;  ///< 1 to unique_id_endpoints_max, to be tried in this order
};

strettoUniqueId encode_id(const IdContents& contents);
/// Throws Error(strettoInvalidArgument, field "id") unless encode_id made the bytes, in this format's version.
IdContents decode_id(const strettoUniqueId& id);

/// Makes the cryptographic library ready; throws Error(strettoSystemError) if it cannot be.
void require_crypto();

}  // namespace stretto
