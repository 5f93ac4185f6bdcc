// What is asked of the library and of communicators.
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

/// What this process has ended itself is no error: a revoked communicator is quiet.
STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommGetAsyncError, (ncclComm_t comm, ncclResult_t* asyncError)) {
  if (asyncError == nullptr) return refuse(ncclInvalidArgument, "ncclCommGetAsyncError: asyncError is NULL");
  const Inside inside(comm);
  strettoResult_t state = strettoSuccess;
  const ncclResult_t result = translate(strettoCommGetAsyncError(ours(comm), &state));
  if (result != ncclSuccess) return result;
  if (state == strettoAborted) state = strettoSuccess;
  *asyncError = number_of(state);
  if (state != strettoSuccess && state != strettoInProgress) keep_text(strettoGetLastError(ours(comm)));
  return ncclSuccess;
}
