/* A C99 program that uses NCCL as programs do: it only has to compile. */
#include "nccl.h"
#include "nccl_device.h"

static int check(ncclResult_t result) { return result == ncclSuccess || result == ncclInProgress; }

int use_nccl(float* data, size_t count, int rank, int nranks, ncclUniqueId id, cudaStream_t stream);
int use_nccl(float* data, size_t count, int rank, int nranks, ncclUniqueId id, cudaStream_t stream) {
  ncclComm_t comm = NCCL_COMM_NULL;
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  ncclSimInfo_t info = NCCL_SIM_INFO_INITIALIZER;
  ncclRedOp_t op;
  ncclWindow_t window;
  ncclTeam_t team;
  float scalar = 0.5f;
  int version;
  config.blocking = 1;
  if (!check(ncclGetVersion(&version)) || version < NCCL_VERSION(2, 18, 0)) return 1;
  if (!check(ncclCommInitRankConfig(&comm, nranks, id, rank, &config))) return 2;
  team = ncclTeamWorld(comm);
  if (!check(ncclCommWindowRegister(comm, data, count * sizeof *data, &window, NCCL_WIN_COLL_SYMMETRIC))) return 3;
  if (!check(ncclRedOpCreatePreMulSum(&op, &scalar, ncclFloat, ncclScalarHostImmediate, comm))) return 4;
  if (!check(ncclGroupStart())) return 5;
  ncclAllReduce(data, data, count, ncclFloat32, op, comm, stream);
  ncclSend(data, count, ncclFloat, (rank + 1) % team.nRanks, comm, stream);
  pncclRecv(data, count, ncclFloat, (rank + team.nRanks - 1) % team.nRanks, comm, stream);
  if (!check(ncclGroupSimulateEnd(&info))) return 6;
  if (!check(ncclRedOpDestroy(op, comm)) || !check(ncclCommWindowDeregister(comm, window))) return 7;
  return check(ncclCommDestroy(comm)) ? 0 : 8;
}
