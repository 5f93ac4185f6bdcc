/* A program of NCCL's: one rank, whose sum is its own. */
#include <stdio.h>

#include "nccl.h"

int main(void) {
  int version = 0;
  ncclUniqueId id;
  ncclComm_t comm = NULL;
  float value = 3;
  ncclResult_t result = ncclGetVersion(&version);
  if (result == ncclSuccess) result = ncclGetUniqueId(&id);
  if (result == ncclSuccess) result = ncclCommInitRank(&comm, 1, id, 0);
  if (result == ncclSuccess) result = ncclAllReduce(&value, &value, 1, ncclFloat, ncclSum, comm, NULL);
  if (result == ncclSuccess) result = ncclCommDestroy(comm);
  if (result != ncclSuccess) {
    fprintf(stderr, "%s: %s\n", ncclGetErrorString(result), ncclGetLastError(NULL));
    return 1;
  }
  return version == NCCL_VERSION_CODE && value == 3 ? 0 : 2;
}
