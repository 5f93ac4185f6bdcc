// The ends of communicators.
#include <exception>

#include "base/text.hpp"
#include "frontends/nccl/background.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/process.hpp"

using namespace stretto;
using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommFinalize, (ncclComm_t comm)) {
  if (comm == nullptr) return ncclSuccess;
  const auto finalize = [](strettoComm_t own) { return strettoCommFinalize(own); };
  try {
    if (blocks(comm) || is_in_setup(comm)) return call_on(comm, finalize);
    return run_in_background(comm, Goal::end, [comm, finalize](Awaiter&) {
      const ncclResult_t result = call_on(comm, finalize);
      return Outcome{result, result == ncclSuccess ? "" : last_text()};
    });
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
