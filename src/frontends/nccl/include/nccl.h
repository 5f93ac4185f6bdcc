/* SPDX-License-Identifier: Apache-2.0
 *
 * NCCL's interface, as version 2.28.9 has it, served by stretto: for building programs that call NCCL against stretto's
 * libnccl.so.2. Programs that were built against NVIDIA's header need no new build. Names, numbers and layouts are
 * NCCL's; what a call means beyond NCCL's own manual, and what is not served, is in stretto's docs/nccl.md.
 *
 * Each function has a second name with a p before it, for tools that put their own function in the place of the first.
 * Every function returns ncclSuccess, or the code of an error whose text ncclGetLastError gives.
 */
#ifndef NCCL_H_
#define NCCL_H_

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

/* Only a stream's type is CUDA's; the types of small floats are what programs expect to find included from here. */
#if defined(__has_include)
#if __has_include(<cuda_runtime.h>)
#define STRETTO_NCCL_HAS_CUDA 1
#endif
#endif
#ifdef STRETTO_NCCL_HAS_CUDA
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>
#ifdef __cplusplus
#include <cuda_fp8.h>
#endif
#else
typedef struct CUstream_st* cudaStream_t;
#endif

/* The version that this header and its library stand for. */
#define NCCL_MAJOR 2
#define NCCL_MINOR 28
#define NCCL_PATCH 9
#define NCCL_SUFFIX ""
/* As one number: three digits for minor and patch up to 2.8, four from then on. */
#define NCCL_VERSION(major, minor, patch) \
  (((major) <= 2 && (minor) <= 8) ? (major)*1000 + (minor)*100 + (patch) : (major)*10000 + (minor)*100 + (patch))
#define NCCL_VERSION_CODE 22809

#ifdef __cplusplus
extern "C" {
#endif

/* One rank's membership of a group of ranks. */
typedef struct ncclComm* ncclComm_t;
#define NCCL_COMM_NULL NULL
/* A registration of memory by ncclCommWindowRegister. */
typedef struct ncclWindow_vidmem* ncclWindow_t;

/* Names a communicator that is to be made: ship the bytes to all its ranks. */
#define NCCL_UNIQUE_ID_BYTES 128
typedef struct {
  char internal[NCCL_UNIQUE_ID_BYTES];
} ncclUniqueId;

typedef enum {
  ncclSuccess = 0,
  ncclUnhandledCudaError = 1, /* a CUDA call failed, or there is no device */
  ncclSystemError = 2,        /* the operating system refused something */
  ncclInternalError = 3,      /* a bug */
  ncclInvalidArgument = 4,
  ncclInvalidUsage = 5, /* not allowed in this state; ranks disagree; not served */
  ncclRemoteError = 6,  /* another rank failed, left or was killed */
  ncclInProgress = 7,   /* no error: under way */
  ncclTimeout = 8,      /* a deadline passed (in NCCL from 2.29 on) */
  ncclNumResults = 9    /* 8 in NCCL's own header of 2.28, which has no ncclTimeout */
} ncclResult_t;

/* A value that a config leaves open, and others that stand for none. */
#define NCCL_CONFIG_UNDEF_INT INT_MIN
#define NCCL_CONFIG_UNDEF_PTR NULL
#define NCCL_UNDEF_FLOAT -1.0f
#define NCCL_SPLIT_NOCOLOR -1

/* Flags of ncclCommWindowRegister, of ncclConfig_t.CTAPolicy, of ncclCommShrink, of ncclCommRevoke. */
#define NCCL_WIN_DEFAULT 0x00
#define NCCL_WIN_COLL_SYMMETRIC 0x01
#define NCCL_WIN_REQUIRED_ALIGNMENT 4096
#define NCCL_CTA_POLICY_DEFAULT 0x00
#define NCCL_CTA_POLICY_EFFICIENCY 0x01
#define NCCL_CTA_POLICY_ZERO 0x02
#define NCCL_SHRINK_DEFAULT 0x00
#define NCCL_SHRINK_ABORT 0x01 /* what the parent has under way is ended first */
#define NCCL_REVOKE_DEFAULT 0x00

/* Settings of a communicator. Start from NCCL_CONFIG_INITIALIZER. */
typedef struct ncclConfig_v22800 {
  size_t size;          /* of the caller's struct */
  unsigned int magic;   /* shows that the initializer was used */
  unsigned int version; /* of the caller's header */
  int blocking;         /* 0: the call that makes it returns while set-up goes on */
  int cgaClusterSize;
  int minCTAs;
  int maxCTAs; /* most blocks of a kernel */
  const char* netName;
  int splitShare;
  int trafficClass;
  const char* commName; /* stands in logs */
  int collnetEnable;
  int CTAPolicy;
  int shrinkShare;
  int nvlsCTAs;
  int nChannelsPerNetPeer;
  int nvlinkCentricSched;
} ncclConfig_t;

#define NCCL_CONFIG_INITIALIZER                                                                        \
  {                                                                                                    \
    sizeof(ncclConfig_t), 0xcafebeef, NCCL_VERSION_CODE, NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT, \
        NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_PTR, NCCL_CONFIG_UNDEF_INT,    \
        NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_PTR, NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT,    \
        NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT, NCCL_CONFIG_UNDEF_INT     \
  }

/* What ncclGroupSimulateEnd tells. Start from NCCL_SIM_INFO_INITIALIZER. */
typedef struct ncclSimInfo_v22200 {
  size_t size;
  unsigned int magic;
  unsigned int version;
  float estimatedTime; /* microseconds */
} ncclSimInfo_t;

#define NCCL_SIM_INFO_INITIALIZER \
  { sizeof(ncclSimInfo_t), 0x74685283, NCCL_VERSION_CODE, NCCL_UNDEF_FLOAT }

typedef enum {
  ncclInt8 = 0,
  ncclChar = 0,
  ncclUint8 = 1,
  ncclInt32 = 2,
  ncclInt = 2,
  ncclUint32 = 3,
  ncclInt64 = 4,
  ncclUint64 = 5,
  ncclFloat16 = 6,
  ncclHalf = 6,
  ncclFloat32 = 7,
  ncclFloat = 7,
  ncclFloat64 = 8,
  ncclDouble = 8,
  ncclBfloat16 = 9,
  ncclFloat8e4m3 = 10,
  ncclFloat8e5m2 = 11,
  ncclNumTypes = 12
} ncclDataType_t;

typedef enum {
  ncclSum = 0,
  ncclProd = 1,
  ncclMax = 2,
  ncclMin = 3,
  ncclAvg = 4,
  ncclNumOps = 5, /* numbers from here on are made by ncclRedOpCreatePreMulSum */
  ncclMaxRedOp = 0x7fffffff
} ncclRedOp_t;

/* Where the scalar of an operation lies: memory that the device reads as the operation runs; host memory, read now. */
typedef enum { ncclScalarDevice = 0, ncclScalarHostImmediate = 1 } ncclScalarResidence_t;

#define STRETTO_NCCL_DECLARE(result, name, parameters) \
  result name parameters;                              \
  result p##name parameters

/* The library. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGetVersion, (int* version));
STRETTO_NCCL_DECLARE(const char*, ncclGetErrorString, (ncclResult_t result));
STRETTO_NCCL_DECLARE(const char*, ncclGetLastError, (ncclComm_t comm)); /* comm may be NULL */
STRETTO_NCCL_DECLARE(void, ncclResetDebugInit, (void));                 /* does nothing */

/* Making communicators, on the CUDA device that is current; within a group all are awaited by its end. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGetUniqueId, (ncclUniqueId * uniqueId));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommInitRank, (ncclComm_t * comm, int nranks, ncclUniqueId commId, int rank));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommInitRankConfig,
                     (ncclComm_t * comm, int nranks, ncclUniqueId commId, int rank, ncclConfig_t* config));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommInitRankScalable,
                     (ncclComm_t * newcomm, int nranks, int myrank, int nId, ncclUniqueId* commIds,
                      ncclConfig_t* config));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommInitAll, (ncclComm_t * comm, int ndev, const int* devlist));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommSplit,
                     (ncclComm_t comm, int color, int key, ncclComm_t* newcomm, ncclConfig_t* config));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommShrink,
                     (ncclComm_t comm, int* excludeRanksList, int excludeRanksCount, ncclComm_t* newcomm,
                      ncclConfig_t* config, int shrinkFlags));

/* Ending and asking them. ncclCommAbort frees the communicator, ncclCommRevoke does not. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommFinalize, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommDestroy, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommAbort, (ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommRevoke, (ncclComm_t comm, int revokeFlags));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommGetAsyncError, (ncclComm_t comm, ncclResult_t* asyncError));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommCount, (const ncclComm_t comm, int* count));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommCuDevice, (const ncclComm_t comm, int* device));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommUserRank, (const ncclComm_t comm, int* rank));

/* Memory. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclMemAlloc, (void** ptr, size_t size));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclMemFree, (void* ptr));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommRegister, (const ncclComm_t comm, void* buff, size_t size, void** handle));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommDeregister, (const ncclComm_t comm, void* handle));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommWindowRegister,
                     (ncclComm_t comm, void* buff, size_t size, ncclWindow_t* win, int winFlags));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclCommWindowDeregister, (ncclComm_t comm, ncclWindow_t win));

/* Operations that scale each rank's input before they sum. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclRedOpCreatePreMulSum,
                     (ncclRedOp_t * op, void* scalar, ncclDataType_t datatype, ncclScalarResidence_t residence,
                      ncclComm_t comm));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclRedOpDestroy, (ncclRedOp_t op, ncclComm_t comm));

/* Communication: each call returns when its work is in the stream. Counts are elements, of what one rank gives or gets
 * where blocks are gathered or scattered. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclAllReduce,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclRedOp_t op,
                      ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclReduce,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclRedOp_t op,
                      int root, ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclReduceScatter,
                     (const void* sendbuff, void* recvbuff, size_t recvcount, ncclDataType_t datatype, ncclRedOp_t op,
                      ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclAllGather,
                     (const void* sendbuff, void* recvbuff, size_t sendcount, ncclDataType_t datatype, ncclComm_t comm,
                      cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclBroadcast,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                      ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclBcast,
                     (void* buff, size_t count, ncclDataType_t datatype, int root, ncclComm_t comm,
                      cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclAlltoAll,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, ncclComm_t comm,
                      cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGather,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                      ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclScatter,
                     (const void* sendbuff, void* recvbuff, size_t count, ncclDataType_t datatype, int root,
                      ncclComm_t comm, cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclSend,
                     (const void* sendbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm,
                      cudaStream_t stream));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclRecv,
                     (void* recvbuff, size_t count, ncclDataType_t datatype, int peer, ncclComm_t comm,
                      cudaStream_t stream));

/* Groups: calls of this thread from the start on are issued together at the end. They nest. A simulated end issues
 * nothing, and says how long the calls would take. */
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGroupStart, (void));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGroupEnd, (void));
STRETTO_NCCL_DECLARE(ncclResult_t, ncclGroupSimulateEnd, (ncclSimInfo_t * simInfo));

#ifdef __cplusplus
}
#endif
#endif /* NCCL_H_ */
