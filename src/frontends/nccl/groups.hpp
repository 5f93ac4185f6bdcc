// Groups of this thread: what NCCL's groups have beyond stretto's.
#pragma once

#include <string>
#include <vector>

#include "frontends/nccl/config.hpp"
#include "frontends/nccl/entry.hpp"

namespace stretto::nccl {

/// The config of a communicator that is made of another one.
struct PartConfig {
  ReadConfig read;
  bool inherits = false;  ///< no config was given
  std::string trouble;    ///< why it is refused; "": it is not
};

/// A split that was called in a group, where one thread may call it for several ranks: kept until the end.
struct PendingSplit {
  ncclComm_t comm = nullptr;
  int color = 0;
  int key = 0;
  ncclComm_t* newcomm = nullptr;
  PartConfig config;
};

struct Group {
  int depth = 0;
  ncclResult_t refusal = ncclSuccess;  ///< of a call in it, which its end returns
  std::string text;                    ///< of that
  bool under_way = false;              ///< set-up of communicators that do not block began in it
  std::vector<PendingSplit> splits;
};

Group& group_of_thread();
/// What a call returns that starts a communicator: within a group, one that does not block is as good as begun.
ncclResult_t started(strettoResult_t result) noexcept;
/// A call that is refused in a group spoils it.
ncclResult_t spoil_group(ncclResult_t refusal) noexcept;
/// Runs splits of one thread, all at once.
ncclResult_t run_splits(const std::vector<PendingSplit>& splits) noexcept;

}  // namespace stretto::nccl
