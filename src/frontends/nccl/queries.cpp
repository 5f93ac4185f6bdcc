// What is asked of the library and of communicators.
#include <exception>

#include "frontends/nccl/entry.hpp"

using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclGetVersion, (int* version)) {
  if (version == nullptr) return refuse(ncclInvalidArgument, "ncclGetVersion: version is NULL");
  *version = NCCL_VERSION_CODE;
  return ncclSuccess;
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommCount, (const ncclComm_t comm, int* count)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoCommCount(own, count); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommUserRank, (const ncclComm_t comm, int* rank)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoCommUserRank(own, rank); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommCuDevice, (const ncclComm_t comm, int* device)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoCommDevice(own, device); });
}

/// What this process has ended itself is no error: a revoked communicator is quiet, and so is one whose fault a shrink
/// has left behind.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommGetAsyncError, (ncclComm_t comm, ncclResult_t* asyncError)) {
  if (asyncError == nullptr) return refuse(ncclInvalidArgument, "ncclCommGetAsyncError: asyncError is NULL");
  const Inside inside(comm);
  strettoResult_t state = strettoSuccess;
  const ncclResult_t result = translate(strettoCommGetAsyncError(ours(comm), &state));
  if (result != ncclSuccess) return result;
  try {
    const Outcome outcome = outcome_of_background(comm);
    if (state == strettoAborted || outcome.settles_fault) state = strettoSuccess;
    *asyncError = outcome.result != ncclSuccess ? outcome.result : number_of(state);
    if (outcome.result != ncclSuccess && outcome.result != ncclInProgress) {
      keep_text(outcome.text);
    } else if (state != strettoSuccess && state != strettoInProgress) {
      keep_text(strettoGetLastError(ours(comm)));
    }
    return ncclSuccess;
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}
