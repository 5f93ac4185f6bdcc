// The ends of communicators.
#include <exception>

#include "base/text.hpp"
#include "frontends/nccl/background.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/groups.hpp"
#include "frontends/nccl/process.hpp"

namespace stretto::nccl {
namespace {

ncclResult_t finalize(ncclComm_t comm) {
  return call_on(comm, [](strettoComm_t own) { return strettoCommFinalize(own); });
}

}  // namespace

ncclResult_t begin_finalize(ncclComm_t comm) {
  return run_in_background(comm, Goal::end, [comm](Awaiter&) {
    const ncclResult_t result = finalize(comm);
    return Outcome{result, result == ncclSuccess ? "" : last_text()};
  });
}

}  // namespace stretto::nccl

using namespace stretto;
using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommFinalize, (ncclComm_t comm)) {
  if (comm == nullptr) return ncclSuccess;
  try {
    if (blocks(comm) || is_in_setup(comm)) return finalize(comm);
    Group& group = group_of_thread();
    if (group.depth == 0) return begin_finalize(comm);
    if (is_under_way(comm)) return refuse_under_way();
    group.finalized.push_back(comm);  // behind the group's other calls
    return ncclSuccess;
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommDestroy, (ncclComm_t comm)) {
  leave_background(comm);
  return translate(strettoCommDestroy(ours(comm)));
}

/// Frees the communicator too: at once, or when the thread that is inside a call on it leaves.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommAbort, (ncclComm_t comm)) {
  if (comm == nullptr) return ncclSuccess;
  const ncclResult_t result = translate(strettoCommAbort(ours(comm)));
  if (result != ncclSuccess) return result;
  abort_background(comm, true);
  try {
    retire(comm);
    return ncclSuccess;
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

/// What is under way ends; the communicator is then quiet, and to be destroyed, split or shrunk.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommRevoke, (ncclComm_t comm, int revokeFlags)) {
  if (comm == nullptr) return ncclSuccess;
  if (revokeFlags != NCCL_REVOKE_DEFAULT) {
    return refuse(ncclInvalidArgument,
                  format("ncclCommRevoke: revokeFlags is {}: it must be NCCL_REVOKE_DEFAULT", revokeFlags));
  }
  const ncclResult_t result = translate(strettoCommAbort(ours(comm)));
  if (result == ncclSuccess) abort_background(comm, false);
  return result;
}
