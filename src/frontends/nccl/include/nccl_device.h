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

/* Return ncclInvalidUsage. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclDevCommCreate,
                     (ncclComm_t comm, const ncclDevCommRequirements_t* requirements, ncclDevComm_t* devComm));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclDevCommDestroy, (ncclComm_t comm, const ncclDevComm_t* devComm));

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) && defined(__CUDACC__)
#include <cuda/atomic>

/* What kernels name. Nothing of it can be reached, since there is no ncclDevComm_t to launch them with. */
#define STRETTO_NCCL_KERNEL static __device__ __forceinline__

struct ncclTeamTagWorld {};
struct ncclTeamTagLsa {};
struct ncclTeamTagRail {};
struct ncclCoopCta {};
struct ncclCoopWarp {};
struct ncclCoopThread {};
enum class ncclGinFenceLevel { Relaxed };
struct ncclGin_None {};
struct ncclGin_SignalInc {
  ncclGinSignal_t signal;
};

STRETTO_NCCL_KERNEL ncclTeam_t ncclTeamWorld(const ncclDevComm_t& comm) { return {comm.nRanks, comm.rank, 1}; }
STRETTO_NCCL_KERNEL ncclTeam_t ncclTeamLsa(const ncclDevComm_t& comm) { return {comm.lsaSize, comm.lsaRank, 1}; }
STRETTO_NCCL_KERNEL ncclTeam_t ncclTeamRail(const ncclDevComm_t& comm) { return {comm.nRanks, comm.rank, 1}; }
STRETTO_NCCL_KERNEL int ncclTeamRankToWorld(const ncclDevComm_t& comm, ncclTeam_t team, int rank) {
  return comm.rank + (rank - team.rank) * team.stride;
}

STRETTO_NCCL_KERNEL void* stretto_nccl_nowhere() {
  __trap();
  return nullptr;
}
STRETTO_NCCL_KERNEL void* ncclGetLocalPointer(ncclWindow_t, size_t) { return stretto_nccl_nowhere(); }
STRETTO_NCCL_KERNEL void* ncclGetLsaPointer(ncclWindow_t, size_t, int) { return stretto_nccl_nowhere(); }
STRETTO_NCCL_KERNEL void* ncclGetPeerPointer(ncclWindow_t, size_t, int) { return stretto_nccl_nowhere(); }
STRETTO_NCCL_KERNEL void* ncclGetPeerPointer(ncclWindow_t, size_t, ncclTeam_t, int) { return stretto_nccl_nowhere(); }
STRETTO_NCCL_KERNEL void* ncclGetMultimemPointer(ncclWindow_t, size_t, ncclMultimemHandle_t) {
  return stretto_nccl_nowhere();
}
STRETTO_NCCL_KERNEL void* ncclGetLsaMultimemPointer(ncclWindow_t, size_t, const ncclDevComm_t&) {
  return stretto_nccl_nowhere();
}

template <typename Coop>
struct ncclLsaBarrierSession {
  template <typename... T>
  __device__ explicit ncclLsaBarrierSession(Coop, T...) {
    __trap();
  }
  template <typename... T>
  __device__ void sync(T...) {}
  template <typename... T>
  __device__ void arrive(T...) {}
  template <typename... T>
  __device__ void wait(T...) {}
};

template <typename Coop>
struct ncclBarrierSession {
  template <typename... T>
  __device__ explicit ncclBarrierSession(Coop, T...) {
    __trap();
  }
  template <typename... T>
  __device__ void sync(T...) {}
};

struct ncclGin {
  __device__ ncclGin(const ncclDevComm_t&, int) { __trap(); }
  template <typename... T>
  __device__ void put(T...) {}
  template <typename... T>
  __device__ void signal(T...) {}
  template <typename... T>
  __device__ void flush(T...) {}
  template <typename... T>
  __device__ void waitSignal(T...) {}
  template <typename... T>
  __device__ uint64_t readSignal(T...) {
    return 0;
  }
};
#endif /* C++ for a device */
#endif /* STRETTO_NCCL_DEVICE_H */
