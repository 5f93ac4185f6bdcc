// What is inside the 128 bytes of a unique id: where the rendezvous listens, and the key that members prove to know.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
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

/// An id that holds no address and no secret, but what is made of a name: every process makes the same one, and its
/// ranks find each other on their host (comm/named.hpp). decode_id does not know it.
strettoUniqueId encode_named_id(const Key& digest);
/// What encode_named_id was given; nothing: the id is another one, or none.
std::optional<Key> digest_of_named_id(const strettoUniqueId& id);

/// Makes the cryptographic library ready; throws Error(strettoSystemError) if it cannot be.
void require_crypto();

}  // namespace stretto
