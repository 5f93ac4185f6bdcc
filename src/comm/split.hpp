// Split: a communicator parted into several. The ranks tell each other over the parent's own data path which group
// they want, and the first rank of each group makes the id by which it meets. These two gathers are operations of the
// parent like any other; of a device communicator they go over its control plane, beside its operations. A rank that
// cannot take part says so in them, so that no other rank waits for it.
#pragma once

#include <memory>
#include <optional>

#include "base/environment.hpp"
#include "comm/participant.hpp"

namespace stretto {

/// What one rank asks for.
struct SplitWish {
  int color = 0;  ///< of its group; negative: none
  int key = 0;    ///< orders the group's ranks; equal keys: in the parent's order
  Settings settings;
  std::optional<ErrorInfo> refusal;  ///< why this rank cannot take part
};

/// The settings of a communicator that is made of another one's ranks, and has no config of its own.
Settings inherited_settings(Participant& parent);

/// Begins the set-up of this rank's group; nullptr: it wants none. Throws Error, on every rank, if one of them cannot
/// take part; the parent can still be used then.
/// @param environment says where the first rank of a group listens
std::unique_ptr<Participant> split(Participant& parent, const SplitWish& wish, const Environment& environment);

}  // namespace stretto
