// Shrink: a new communicator of those who are left of another one, whose other ranks may be dead. Nothing of the parent
// is used but its secret: not its data path, and not its control plane, which a death may have cut. Those who are left
// know one another by number; they meet on their host (bootstrap/meeting.hpp) under a name that follows from the secret
// and from who is the first of them, and that one hands out the id of the new communicator. So any rank may be missing,
// the parent's rank 0 too. All ranks of a communicator are on one host in this release.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "comm/participant.hpp"

namespace stretto {

/// What one rank asks for.
struct ShrinkWish {
  std::vector<Rank> left;  ///< ranks of the parent, ascending, this one too
  Settings settings;
  std::optional<ErrorInfo> refusal;  ///< why this rank cannot take part
};

/// Begins this rank's set-up in the new communicator. What the parent has under way is not waited for, unless it has a
/// fault: then that ends first, on the device too. Throws Error; the refusal after having seen to it that the others
/// are told.
std::unique_ptr<Participant> shrink(Participant& parent, const ShrinkWish& wish);

}  // namespace stretto
