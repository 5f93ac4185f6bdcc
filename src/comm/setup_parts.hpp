// What the parts of Setup (setup.cpp, setup_windows.cpp) share.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/graph/topology.hpp"

namespace stretto {

/// Throws Error: no transport of this release joins the two.
[[noreturn]] void no_transport(Rank rank, const HostIdentity& mine, Rank peer, const HostIdentity& theirs);

/// What `decode` makes of every rank's bytes; whose cannot be understood is named.
template <typename Decode>
auto decode_all(Rank rank, const std::vector<std::vector<std::byte>>& blobs, Decode decode) {
  std::vector<decltype(decode(blobs.front()))> all;
  for (const auto& blob : blobs) {
    try {
      all.push_back(decode(blob));
    } catch (const Error& error) {
      ErrorInfo info;
      info.code = strettoRemoteError;
      info.rank = rank;
      info.peer = static_cast<Rank>(all.size());
      info.name = "set-up";
      info.text = format(
          "what rank {} says of itself cannot be understood ({}): use the same version of stretto on all "
          "ranks",
          info.peer, error.what());
      throw Error(info);
    }
  }
  return all;
}

}  // namespace stretto
