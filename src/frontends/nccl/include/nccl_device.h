/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of NCCL's device API, so that programs compile which hold kernels that use it beside others that do not. It is
 * not served: ncclDevCommCreate returns ncclInvalidUsage, so that such a kernel is never launched; if it is all the
 * same, it traps. Only teams, which are numbers, mean something. Layouts are stretto's own.
 */
#ifndef STRETTO_NCCL_DEVICE_H
#define STRETTO_NCCL_DEVICE_H

#include "nccl.h"

#ifndef __cplusplus
#include <stdbool.h>
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Ranks rank0, rank0 + stride, ... of which this is the rank-th. */
typedef struct ncclTeam {
  int nRanks;
  int rank;
  int stride;
} ncclTeam_t;

typedef uint32_t ncclDevResourceHandle_t;
typedef uint32_t ncclGinSignal_t;
typedef uint32_t ncclGinCounter_t;
typedef struct ncclLsaBarrierHandle {
  uint32_t unused;
} ncclLsaBarrierHandle_t;
typedef struct ncclGinBarrierHandle {
  uint32_t unused;
} ncclGinBarrierHandle_t;
typedef struct ncclMultimemHandle {
  void* unused;
} ncclMultimemHandle_t;

/* What a kernel would be given. */
typedef struct ncclDevComm {
  int rank, nRanks;
  int lsaRank, lsaSize;
  ncclLsaBarrierHandle_t lsaBarrier;
  ncclGinBarrierHandle_t railGinBarrier;
  int ginContextCount;
} ncclDevComm_t;

/* What a program would ask for. */
typedef struct ncclDevCommRequirements {
  void* resourceRequirementsList;
  void* teamRequirementsList;
  bool lsaMultimem;
  int barrierCount, lsaBarrierCount, railGinBarrierCount;
  int lsaLLA2ABlockCount, lsaLLA2ASlotCount;
  bool ginForceEnable;
  int ginContextCount, ginSignalCount, ginCounterCount;
} ncclDevCommRequirements_t;

STRETTO_NCCL_DECLARE(ncclTeam_t, ncclTeamWorld, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclTeam_t, ncclTeamLsa, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclTeam_t, ncclTeamRail, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(int, ncclTeamRankToWorld, (ncclComm_t comm, ncclTeam_t team, int rank));
STRETTO_NCCL_DECLARE(int, ncclTeamRankToLsa, (ncclComm_t comm, ncclTeam_t team, int rank));

#ifdef __cplusplus
}
#endif
#endif /* STRETTO_NCCL_DEVICE_H */
