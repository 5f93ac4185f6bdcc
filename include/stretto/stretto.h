/* SPDX-License-Identifier: Apache-2.0
 *
 * stretto: collective communication between the ranks of a parallel program.
 *
 * This header, with the parts that it includes, is the whole C interface. It is C99, and needs no CUDA header.
 *
 * Conventions that hold for every function below, unless its own comment says otherwise:
 *  - Counts are in elements, sizes in bytes, times in milliseconds unless the name says otherwise.
 *  - A function returns strettoSuccess or the code of its error. strettoGetLastError() then has the text,
 *    strettoGetErrorInfo() the fields. An error never leaves a half-written handle: output pointers are written on
 *    success only.
 *  - Buffers belong to the caller. They are read and written between the call and the completion of the operation:
 *    its return for host communicators called without a stream, its place in the stream otherwise. With count 0 they
 *    may be NULL.
 *  - Every rank of a communicator calls the same collectives in the same order with the same arguments (buffers and
 *    strettoCallConfig_t may differ). Where they do not, every rank gets strettoInvalidUsage with both sides named: in
 *    that call, or, if its own part of that call was done (and the call returned success), in its next.
 *  - The operations of a communicator run in the order in which they were issued, one after another, whichever stream
 *    or thread runs them: a call without a stream waits for what was issued to streams before.
 *  - A communicator is used by one thread at a time: a second one in it gets strettoInvalidUsage, field "comm".
 *    Different communicators may be used at once. strettoCommAbort, strettoCommGetAsyncError and the getters may be
 *    called from any thread at any time.
 *  - A communicator must not be used in a forked child, which can make its own. docs/starting.md says what holds for
 *    fork, signals and threads.
 *  - Every wait has a deadline (strettoConfig_t).
 *  - After an error that left an operation incomplete the communicator is faulted: each later call on it returns the
 *    first fault at once, until it is destroyed. An abort does not replace the fault.
 */
#ifndef STRETTO_H
#define STRETTO_H

#include <stddef.h>
#include <stdint.h>

#define STRETTO_MAJOR 0
#define STRETTO_MINOR 1
#define STRETTO_PATCH 0
/** The version as one number: major * 10000 + minor * 100 + patch. */
#define STRETTO_VERSION (STRETTO_MAJOR * 10000 + STRETTO_MINOR * 100 + STRETTO_PATCH)

#if defined(__GNUC__)
#define STRETTO_API __attribute__((visibility("default")))
#else
#define STRETTO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------------------------------------------------------------
 * Types
 * --------------------------------------------------------------------------------------------------------------- */

/** A communicator: one rank's membership of a group of ranks. */
typedef struct strettoComm *strettoComm_t;

/** A stream of ordered work. For device communicators this is CUDA's own stream type (cudaStream_t, CUstream); for
 *  host communicators one that strettoStreamCreate has made. NULL on a host communicator means: run in the calling
 *  thread and return when done. */
typedef struct CUstream_st *strettoStream_t;

/** Size of strettoUniqueId in bytes; equal to NCCL's, so that programs that ship ids around need no change. */
#define STRETTO_UNIQUE_ID_BYTES 128

/** Names one future communicator: where rank 0 listens, and the secret that members prove to know. Ship it to the
 *  other ranks by any channel that you trust (it holds a key: do not log it). Opaque, position-independent bytes. */
typedef struct {
  char internal[STRETTO_UNIQUE_ID_BYTES];
} strettoUniqueId;

/** Result codes. Append-only: a number never changes its meaning. 0 to 8 mean what NCCL's numbers mean. */
typedef enum {
  strettoSuccess = 0,
  strettoCudaError = 1,       /**< A CUDA call failed. */
  strettoSystemError = 2,     /**< The operating system refused something: memory, descriptors, sockets. */
  strettoInternalError = 3,   /**< A bug in stretto: please report the text. */
  strettoInvalidArgument = 4, /**< This call's arguments are wrong whatever other ranks do. */
  strettoInvalidUsage = 5,    /**< The ranks disagree, or the call is not allowed in this state. */
  strettoRemoteError = 6,     /**< Another rank failed, left, or was killed; the info names it. */
  strettoInProgress = 7,      /**< Not an error: a non-blocking call is still under way. */
  strettoTimeout = 8,         /**< A deadline passed; the info names whom and what was waited for. */
  strettoAborted = 9,         /**< strettoCommAbort was called on this rank. */
  strettoUnsupported = 10,    /**< A valid request that this build or release cannot serve; the text says which can. */
  strettoNumResults = 11
} strettoResult_t;

/** Element types. The numbers equal NCCL's. */
typedef enum {
  strettoInt8 = 0,
  strettoUint8 = 1,
  strettoInt32 = 2,
  strettoUint32 = 3,
  strettoInt64 = 4,
  strettoUint64 = 5,
  strettoFloat16 = 6,
  strettoFloat32 = 7,
  strettoFloat64 = 8,
  strettoBfloat16 = 9,
  strettoFloat8e4m3 = 10,
  strettoFloat8e5m2 = 11,
  strettoNumDataTypes = 12
} strettoDataType_t;

/** Reduction operations. The numbers equal NCCL's. Values from strettoNumRedOps up are made by strettoRedOpCreate*. */
typedef enum {
  strettoSum = 0,
  strettoProd = 1,
  strettoMax = 2,
  strettoMin = 3,
  strettoAvg = 4, /**< The sum divided by the number of ranks. */
  strettoNumRedOps = 5,
  strettoMaxRedOp = 0x7fffffff
} strettoRedOp_t;

/** Where a scalar argument lives. */
typedef enum {
  strettoScalarDevice = 0,       /**< Device memory, read when the operation runs. */
  strettoScalarHostImmediate = 1 /**< Host memory, read before the call returns. */
} strettoScalarResidence_t;

/** strettoConfig_t.device: buffers are host memory and the calling thread does the work. */
#define STRETTO_DEVICE_HOST (-1)
/** strettoConfig_t.device: buffers are memory of the CUDA device that is current when the communicator is made. */
#define STRETTO_DEVICE_CURRENT (-2)
/** A field of a config that the caller leaves to the environment, the configuration file or the default. */
#define STRETTO_UNSET ((int)0x80000000)

/** How a communicator is made. Size-first: fields are only ever appended, and the library reads no further than
 *  `size`, so older binaries go on working. Start from STRETTO_CONFIG_INITIALIZER. Precedence of each value: this
 *  struct, then the environment, then the configuration file, then the default; all read once, here. */
typedef struct {
  size_t size;           /**< sizeof(strettoConfig_t) of the caller. */
  uint32_t version;      /**< STRETTO_VERSION of the caller. */
  int device;            /**< STRETTO_DEVICE_HOST (default), STRETTO_DEVICE_CURRENT or a CUDA device number. */
  int setup_timeout_ms;  /**< Deadline of set-up: all ranks must have come. Default 30000. */
  int data_timeout_ms;   /**< Deadline of one operation. Default 600000. */
  int blocking;          /**< 1 (default): calls return when done. 0: they may return strettoInProgress. */
  int max_channels;      /**< Upper bound on channels of a plan; unset: 2. Rank 0's value counts for all ranks. */
  int max_sms;           /**< Device communicators: upper bound on SMs for one operation; unset: planner's choice. */
  const char *name;      /**< Stands in this communicator's logs; NULL: nothing does. Copied. */
  const char *algorithm; /**< Force one algorithm ("ring", "tree", "one_shot", "two_shot") wherever it can serve the
                              collective; NULL: the planner's choice. Must be equal on all ranks. Copied. */
} strettoConfig_t;

#define STRETTO_CONFIG_INITIALIZER                                                                              \
  {                                                                                                             \
    sizeof(strettoConfig_t), STRETTO_VERSION, STRETTO_UNSET, STRETTO_UNSET, STRETTO_UNSET, STRETTO_UNSET,       \
        STRETTO_UNSET, STRETTO_UNSET, NULL, NULL                                                                \
  }

/** How an operation is to run. */
typedef enum {
  strettoModeDefault = 0,
  strettoModeLatency = 1, /**< Prefer the shortest time for this operation alone. */
  strettoModeOverlap = 2, /**< Prefer to leave SMs and memory bandwidth to computation beside it. */
  strettoModeZeroSm = 3   /**< Copy engines only; strettoUnsupported where none can serve the request. */
} strettoCallMode_t;

/** Per-call settings; size-first like strettoConfig_t. Start from STRETTO_CALL_CONFIG_INITIALIZER. None of them
 *  changes what is sent, so they may differ between ranks. */
typedef struct {
  size_t size;
  uint32_t version;
  int max_sms;            /**< Upper bound on SMs, or STRETTO_UNSET. */
  strettoCallMode_t mode;
  int deadline_ms;        /**< Of this operation, or STRETTO_UNSET for the communicator's. */
  const char *name;       /**< Reserved: not yet shown anywhere. */
} strettoCallConfig_t;

#define STRETTO_CALL_CONFIG_INITIALIZER                                                                         \
  { sizeof(strettoCallConfig_t), STRETTO_VERSION, STRETTO_UNSET, strettoModeDefault, STRETTO_UNSET, NULL }

/** The fields of an error. Numbers are -1 and strings empty where they do not apply. Size-first: set `size` (or start
 *  from STRETTO_ERROR_INFO_INITIALIZER) before the call. */
typedef struct {
  size_t size;
  strettoResult_t code;
  int rank;           /**< The rank that reports. */
  int peer;           /**< The rank that the error is about: dead, missing, disagreeing. */
  int64_t operation;  /**< Number of the operation on this communicator, from 0. */
  int32_t step;       /**< Step of the plan at which this rank stood. */
  char host[64];      /**< Host of `peer`, empty if there is none. */
  char field[32];     /**< The argument or setting at fault: "count", "datatype", "sendbuff", ... */
  char name[64];      /**< The collective ("all_reduce"), the set-up phase, or, of a bad argument, the C function. */
  char text[1024];    /**< What happened, where, and what to do. Equal to strettoGetLastError's. */
} strettoErrorInfo_t;

#define STRETTO_ERROR_INFO_INITIALIZER                                                                          \
  { sizeof(strettoErrorInfo_t), strettoSuccess, -1, -1, -1, -1, {0}, {0}, {0}, {0} }

/* ------------------------------------------------------------------------------------------------------------------
 * Errors and version
 * --------------------------------------------------------------------------------------------------------------- */

/** STRETTO_VERSION of the library that is loaded. */
STRETTO_API strettoResult_t strettoGetVersion(int *version);
/** A constant string for a code; never NULL. */
STRETTO_API const char *strettoGetErrorString(strettoResult_t result);
/** The text of the last error: of `comm`'s first fault if it has one, else of this thread's last failed call. "" if
 *  none. With NULL: this thread's. Valid until this thread's next call into stretto. Thread-safe. */
STRETTO_API const char *strettoGetLastError(strettoComm_t comm);
/** The same error as fields. `info->size` must be set. */
STRETTO_API strettoResult_t strettoGetErrorInfo(strettoComm_t comm, strettoErrorInfo_t *info);
/** Size of one element in bytes; 0 for a number that is no type. */
STRETTO_API size_t strettoDataTypeSize(strettoDataType_t datatype);

/* ------------------------------------------------------------------------------------------------------------------
 * Communicators
 * --------------------------------------------------------------------------------------------------------------- */

#include "stretto/starting.h" /* all ways to start one */

/** Parts this communicator by `color` (negative: this rank gets NULL), ordering by `key`, then rank. */
#define STRETTO_SPLIT_NOCOLOR (-1)
STRETTO_API strettoResult_t strettoCommSplit(strettoComm_t comm, int color, int key, strettoComm_t *newcomm,
                                             const strettoConfig_t *config);
/** Makes a communicator of the ranks that are not in `exclude`; called by those only. Works on a faulted one. */
STRETTO_API strettoResult_t strettoCommShrink(strettoComm_t comm, const int *exclude, int n_exclude,
                                              strettoComm_t *newcomm, const strettoConfig_t *config);
/** Completes all work issued so far and flushes; after it only destroy and abort are allowed. */
STRETTO_API strettoResult_t strettoCommFinalize(strettoComm_t comm);
/** Frees the communicator, after its own operations have ended: those in streams too, within their deadlines. Then it
 *  waits at most 1 s: until its neighbours have taken its goodbye, and, as the only rank of its process, until the others
 *  leave too, since it passes on what they say.
 *  NULL is allowed. The handle is dead, whatever is returned. */
STRETTO_API strettoResult_t strettoCommDestroy(strettoComm_t comm);
/** Ends the communicator now: an operation of this rank that is under way in another thread returns strettoAborted,
 *  other ranks get strettoRemoteError that names this one. Frees nothing that a thread still uses: call
 *  strettoCommDestroy afterwards, when no other thread is inside a call. May be called from any thread, repeatedly. */
STRETTO_API strettoResult_t strettoCommAbort(strettoComm_t comm);
/** The communicator's first fault, or strettoSuccess, or strettoInProgress. Never blocks. */
STRETTO_API strettoResult_t strettoCommGetAsyncError(strettoComm_t comm, strettoResult_t *async_error);
STRETTO_API strettoResult_t strettoCommCount(strettoComm_t comm, int *count);
STRETTO_API strettoResult_t strettoCommUserRank(strettoComm_t comm, int *rank);
STRETTO_API strettoResult_t strettoCommDevice(strettoComm_t comm, int *device);

/** Memory that all ranks of this host can map, for zero-copy operation. */
STRETTO_API strettoResult_t strettoMemAlloc(void **pointer, size_t bytes);
STRETTO_API strettoResult_t strettoMemFree(void *pointer);
/** Registers the caller's memory with a communicator. */
STRETTO_API strettoResult_t strettoCommRegister(strettoComm_t comm, void *buffer, size_t bytes, void **handle);
STRETTO_API strettoResult_t strettoCommDeregister(strettoComm_t comm, void *handle);

/** Makes an operation that multiplies this rank's input by `scalar` (one element of `datatype`), rounds to the type,
 *  and then sums over the ranks. For calls on `comm` with that datatype; each rank makes its own, scalars may differ.
 *  @param residence strettoScalarHostImmediate: `scalar` is read now. strettoScalarDevice: whenever an operation
 *         begins; of a host communicator it is host memory. Any thread. */
STRETTO_API strettoResult_t strettoRedOpCreatePreMulSum(strettoRedOp_t *op, void *scalar, strettoDataType_t datatype,
                                                        strettoScalarResidence_t residence, strettoComm_t comm);
/** Forgets an operation: later calls with it are refused, those issued go on. Any thread. */
STRETTO_API strettoResult_t strettoRedOpDestroy(strettoRedOp_t op, strettoComm_t comm);

/* ------------------------------------------------------------------------------------------------------------------
 * Collectives. Each has a form ...Config with per-call settings (NULL: defaults). In place means sendbuff == recvbuff,
 * or for the gathering and scattering kinds what their comment says; any other overlap is an error.
 * n is the number of ranks.
 * --------------------------------------------------------------------------------------------------------------- */

/** recvbuff[i] on every rank = op over ranks of sendbuff[i], i < count. */
STRETTO_API strettoResult_t strettoAllReduce(const void *sendbuff, void *recvbuff, size_t count,
                                             strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                             strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllReduceConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                   strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);

/** recvbuff (n * sendcount) = all ranks' sendbuff in rank order. In place: sendbuff == recvbuff + rank * sendcount. */
STRETTO_API strettoResult_t strettoAllGather(const void *sendbuff, void *recvbuff, size_t sendcount,
                                             strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllGatherConfig(const void *sendbuff, void *recvbuff, size_t sendcount,
                                                   strettoDataType_t datatype, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);
/** As all-gather, rank r giving recvcounts[r] elements that land at recvbuff + displs[r] (elements). */
STRETTO_API strettoResult_t strettoAllGatherV(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                              const size_t *displs, strettoDataType_t datatype, strettoComm_t comm,
                                              strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllGatherVConfig(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                                    const size_t *displs, strettoDataType_t datatype,
                                                    strettoComm_t comm, strettoStream_t stream,
                                                    const strettoCallConfig_t *call);

/** recvbuff (recvcount) on rank r = op over ranks of block r of sendbuff (n * recvcount).
 *  In place: recvbuff == sendbuff + rank * recvcount. */
STRETTO_API strettoResult_t strettoReduceScatter(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                 strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                 strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceScatterConfig(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                       strettoDataType_t datatype, strettoRedOp_t op,
                                                       strettoComm_t comm, strettoStream_t stream,
                                                       const strettoCallConfig_t *call);
/** As reduce-scatter, rank r receiving recvcounts[r] elements; blocks lie one after the other in sendbuff. */
STRETTO_API strettoResult_t strettoReduceScatterV(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                                  strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                  strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceScatterVConfig(const void *sendbuff, void *recvbuff,
                                                        const size_t *recvcounts, strettoDataType_t datatype,
                                                        strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream,
                                                        const strettoCallConfig_t *call);

/** recvbuff on every rank = sendbuff of `root`; sendbuff is read on root only. */
STRETTO_API strettoResult_t strettoBroadcast(const void *sendbuff, void *recvbuff, size_t count,
                                             strettoDataType_t datatype, int root, strettoComm_t comm,
                                             strettoStream_t stream);
STRETTO_API strettoResult_t strettoBroadcastConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                   strettoDataType_t datatype, int root, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);

/** recvbuff on `root` = op over ranks of sendbuff; recvbuff is written on root only. */
STRETTO_API strettoResult_t strettoReduce(const void *sendbuff, void *recvbuff, size_t count,
                                          strettoDataType_t datatype, strettoRedOp_t op, int root, strettoComm_t comm,
                                          strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                strettoDataType_t datatype, strettoRedOp_t op, int root,
                                                strettoComm_t comm, strettoStream_t stream,
                                                const strettoCallConfig_t *call);

/** Block s of recvbuff on rank d = block d of sendbuff on rank s; blocks of `count` elements. Not in place. */
STRETTO_API strettoResult_t strettoAllToAll(const void *sendbuff, void *recvbuff, size_t count,
                                            strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllToAllConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                  strettoDataType_t datatype, strettoComm_t comm,
                                                  strettoStream_t stream, const strettoCallConfig_t *call);
/** As all-to-all with n counts and n displacements (elements) on each side. */
STRETTO_API strettoResult_t strettoAllToAllV(const void *sendbuff, const size_t *sendcounts, const size_t *sdispls,
                                             void *recvbuff, const size_t *recvcounts, const size_t *rdispls,
                                             strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllToAllVConfig(const void *sendbuff, const size_t *sendcounts,
                                                   const size_t *sdispls, void *recvbuff, const size_t *recvcounts,
                                                   const size_t *rdispls, strettoDataType_t datatype,
                                                   strettoComm_t comm, strettoStream_t stream,
                                                   const strettoCallConfig_t *call);

/** recvbuff (n * sendcount) on `root` = all ranks' sendbuff in rank order. In place on root as for all-gather. */
STRETTO_API strettoResult_t strettoGather(const void *sendbuff, void *recvbuff, size_t sendcount,
                                          strettoDataType_t datatype, int root, strettoComm_t comm,
                                          strettoStream_t stream);
STRETTO_API strettoResult_t strettoGatherConfig(const void *sendbuff, void *recvbuff, size_t sendcount,
                                                strettoDataType_t datatype, int root, strettoComm_t comm,
                                                strettoStream_t stream, const strettoCallConfig_t *call);
/** recvbuff (recvcount) on rank r = block r of root's sendbuff. In place on root: recvbuff == sendbuff + root block. */
STRETTO_API strettoResult_t strettoScatter(const void *sendbuff, void *recvbuff, size_t recvcount,
                                           strettoDataType_t datatype, int root, strettoComm_t comm,
                                           strettoStream_t stream);
STRETTO_API strettoResult_t strettoScatterConfig(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                 strettoDataType_t datatype, int root, strettoComm_t comm,
                                                 strettoStream_t stream, const strettoCallConfig_t *call);

/** Sends `count` elements to `peer`, which posts the matching receive. Pairs are matched in order. */
STRETTO_API strettoResult_t strettoSend(const void *sendbuff, size_t count, strettoDataType_t datatype, int peer,
                                        strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoSendConfig(const void *sendbuff, size_t count, strettoDataType_t datatype,
                                              int peer, strettoComm_t comm, strettoStream_t stream,
                                              const strettoCallConfig_t *call);
STRETTO_API strettoResult_t strettoRecv(void *recvbuff, size_t count, strettoDataType_t datatype, int peer,
                                        strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoRecvConfig(void *recvbuff, size_t count, strettoDataType_t datatype, int peer,
                                              strettoComm_t comm, strettoStream_t stream,
                                              const strettoCallConfig_t *call);
/** Returns (in stream order) when every rank has called it. */
STRETTO_API strettoResult_t strettoBarrier(strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoBarrierConfig(strettoComm_t comm, strettoStream_t stream,
                                                 const strettoCallConfig_t *call);

/** Calls of this thread between start and end are kept (they return strettoSuccess, or at once what is wrong with their
 *  arguments) and issued as one at the outermost end; groups nest. Needed when one thread drives several ranks, and for
 *  sends and receives that depend on one another.
 *  The end returns when calls without a stream are done; those with one are issued to it. Of one communicator in a group
 *  either all calls have a stream or none; if they name several, the first runs them, and the others wait for it. If a
 *  call was refused, nothing of the group is issued, and the end returns that error. Without a start it is
 *  strettoInvalidUsage.
 *  Collectives of a communicator run in the order of the calls, and every rank makes the same group of them; but a call
 *  must not use what another of its group gives. Small all-reduces of one type and operation that follow one another run
 *  as one, and so do small broadcasts of one root: rounding may then differ from single calls, on all ranks alike.
 *  strettoCommInitRank, -Callback and -Environment of blocking communicators begin at once and are awaited by the end,
 *  which writes their handles: all of them, or on an error none. */
STRETTO_API strettoResult_t strettoGroupStart(void);
STRETTO_API strettoResult_t strettoGroupEnd(void);

#include "stretto/streams.h" /* streams and events of host communicators */

#ifdef __cplusplus
}
#endif
#endif /* STRETTO_H */
