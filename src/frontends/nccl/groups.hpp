// Groups of this thread: what NCCL's groups have beyond stretto's.
#pragma once

#include <string>
#include <vector>

#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/parts.hpp"

namespace stretto::nccl {

struct Group {
  int depth = 0;
  ncclResult_t refusal = ncclSuccess;  ///< of a call in it, which its end returns
  std::string text;                    ///< of that
  bool under_way = false;              ///< something began in it that is not waited for
  std::vector<Part> splits;            ///< one thread may split for several ranks: kept until the end
  std::vector<StartedPart> started;
  std::vector<ncclComm_t> finalized;  ///< that do not block: begun at the end
};

Group& group_of_thread();
/// What a call returns that starts a communicator: within a group, one that does not block is as good as begun.
ncclResult_t started(strettoResult_t result) noexcept;
/// A call that is refused in a group spoils it.
ncclResult_t spoil_group(ncclResult_t refusal) noexcept;

}  // namespace stretto::nccl
