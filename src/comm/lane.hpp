// Where operations of a device communicator meet. Those of different lanes know nothing of each other.
#pragma once

#include "transports/peer_windows.hpp"

namespace stretto {

/// Window `index` of `windows`.
struct Lane {
  int number = 0;  ///< 0: the eager one, of another shape than the rest
  const PeerWindows* windows = nullptr;
  int index = 0;
};

}  // namespace stretto
