// Issuing: what a call or a group asks for takes its place in its communicators' orders, and goes to its streams or is
// run in the calling thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "comm/batch.hpp"
#include "comm/communicator.hpp"
#include "comm/host_stream.hpp"

namespace stretto {

/// Hands one operation to a stream and returns. The error: it was not issued.
std::optional<ErrorInfo> issue(Communicator& communicator, HostStream& stream, const Operation& operation);

/// One communicator's part of a group.
struct GroupShare {
  Communicator* communicator = nullptr;
  std::vector<std::shared_ptr<HostStream>> streams;  ///< the first runs it, the others wait for it; none: this thread
  Batch batch;
};

/// Issues all shares at once, each communicator being in one of them. The communicators of one thread or stream
/// progress together. Shares without a stream have ended when this returns. The first error; what could be issued was.
std::optional<ErrorInfo> issue_together(std::vector<GroupShare> shares);

}  // namespace stretto
