// Communicators that are made of others: what a split or a shrink asks for, and how it comes about. As NCCL has it, it
// is the communicator that they are made of that says whether the call waits; the new one's own setting is for later.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "frontends/nccl/config.hpp"
#include "frontends/nccl/entry.hpp"

namespace stretto::nccl {

struct Part {
  ncclComm_t parent = nullptr;
  ncclComm_t* newcomm = nullptr;
  ReadConfig read;
  bool inherits = false;  ///< no config was given
  std::string trouble;    ///< why the call is refused; "": it is not
  /// strettoCommSplit or strettoCommShrink, with what it needs beside this.
  std::function<strettoResult_t(strettoComm_t*, const strettoConfig_t*)> make;
};

/// One whose handle comes with the end of the group, or whose set-up is awaited there.
struct StartedPart {
  ncclComm_t* newcomm = nullptr;
  bool blocks = true;
};

/// Splits that one thread has called in a group: all at once, those of one communicator in their order.
ncclResult_t run_splits(const std::vector<Part>& splits) noexcept;

/// Of those that have begun in a group whose calls have been issued.
ncclResult_t finish_parts(const std::vector<StartedPart>& parts) noexcept;

}  // namespace stretto::nccl
