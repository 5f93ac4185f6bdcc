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
 *    that call, or, if its own part of that call was done (and the call returned success), in its next. A message that
 *    does not fit shows it at once; ranks that only wait for one another find out after about a second. The field is
 *    the argument in which the calls differ; or "operation", with later calls in the text, if the other rank is more
 *    than 64 calls further. Not found out: a rank waits for one that did its part of another call and has left the
 *    communicator (it gets strettoTimeout at the deadline); and calls of which every rank's part was done, as long as
 *    the ranks that differ exchange nothing.
 *  - The operations of a communicator run in the order in which they were issued, one after another, whichever stream
 *    or thread runs them: a call without a stream waits for what was issued to streams before.
 *  - A communicator is used by one thread at a time: a second one in it gets strettoInvalidUsage, field "comm".
 *    Different communicators may be used at once. strettoCommAbort, strettoCommGetAsyncError and the getters may be
 *    called from any thread at any time.
 *  - A communicator that was made before a fork stays the parent's: in the child it is refused (strettoInvalidUsage,
 *    field "comm"). The child may make its own. docs/starting.md has the rules for fork, signals and threads.
 *  - Every wait has a deadline (strettoConfig_t).
 *  - After an error that left an operation incomplete the communicator is faulted: each later call on it returns the
 *    first fault at once, until it is destroyed. An abort does not replace the fault.
 *  - A pointer that must not be NULL and is gets strettoInvalidArgument, the field being the parameter's name. What
 *    this release cannot do yet returns strettoUnsupported and does nothing else.
 *
 * Parameters that mean the same everywhere, where a function says nothing else:
 *  - comm: The communicator, from one of the functions that make one.
 *  - config: Settings of the communicator to be made; NULL for defaults. Read during the call only.
 *
 * Pages beside this one: docs/starting.md (how to start), docs/errors.md (errors by their text), docs/names.md (the
 * names of NCCL, Gloo and MPI), docs/environment.md (STRETTO_* variables), docs/arithmetic.md (what reductions
 * compute).
 */
#ifndef STRETTO_H
#define STRETTO_H

#include <stddef.h>
#include <stdint.h>

/** Version of this header. Below 1.0 a new minor version may change the interface. */
#define STRETTO_MAJOR 0
/** See STRETTO_MAJOR. */
#define STRETTO_MINOR 1
/** See STRETTO_MAJOR. */
#define STRETTO_PATCH 0
/** The version as one number: major * 10000 + minor * 100 + patch. */
#define STRETTO_VERSION (STRETTO_MAJOR * 10000 + STRETTO_MINOR * 100 + STRETTO_PATCH)

/** Marks what the shared library exports. */
#if defined(__GNUC__)
#define STRETTO_API __attribute__((visibility("default")))
#else
#define STRETTO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** A communicator: one rank's membership of a group of ranks. The caller owns the handle until strettoCommDestroy. */
typedef struct strettoComm *strettoComm_t;

/** A stream of ordered work. For device communicators this is CUDA's own stream type (cudaStream_t, CUstream), which
 *  may be one that is being captured into a graph: all ranks then capture the same operations into as many graphs, in
 *  the same order, and launch each as often; graphs on different streams may run in any order and at the same time. For
 *   host communicators one that strettoStreamCreate has made. NULL on a host communicator means: run in the calling
 *   thread and return when done. */
typedef struct CUstream_st *strettoStream_t;

/** Size of strettoUniqueId in bytes; equal to NCCL's, so that programs that ship ids around need no change. */
#define STRETTO_UNIQUE_ID_BYTES 128

/** Names one future communicator: where rank 0 listens, and the secret that members prove to know. Ship it to the
 *  other ranks by any channel that you trust (it holds a key: do not log it). Opaque, position-independent bytes. */
typedef struct {
  char internal[STRETTO_UNIQUE_ID_BYTES]; /**< Not to be looked into. */
} strettoUniqueId;

/** Result codes. Append-only: a number never changes its meaning. 0 to 8 mean what NCCL's numbers mean. */
typedef enum {
  strettoSuccess = 0,         /**< Done; of a call that names a stream or stands in a group: issued. */
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
  strettoNumResults = 11      /**< How many there are in this version. */
} strettoResult_t;

/** Element types. The numbers equal NCCL's. Buffers need no more than the alignment of bytes. */
typedef enum {
  strettoInt8 = 0,        /**< int8_t; use it (or strettoUint8) to move bytes. */
  strettoUint8 = 1,       /**< uint8_t */
  strettoInt32 = 2,       /**< int32_t */
  strettoUint32 = 3,      /**< uint32_t */
  strettoInt64 = 4,       /**< int64_t */
  strettoUint64 = 5,      /**< uint64_t */
  strettoFloat16 = 6,     /**< IEEE 754 binary16, "half". */
  strettoFloat32 = 7,     /**< float */
  strettoFloat64 = 8,     /**< double */
  strettoBfloat16 = 9,    /**< bfloat16: the upper half of a float. */
  strettoFloat8e4m3 = 10, /**< OCP E4M3: no infinity, largest number 448. */
  strettoFloat8e5m2 = 11, /**< OCP E5M2: largest number 57344. */
  strettoNumDataTypes = 12 /**< How many there are in this version. */
} strettoDataType_t;

/** Reduction operations. The numbers equal NCCL's. Values from strettoNumRedOps up are made by
 *  strettoRedOpCreatePreMulSum. docs/arithmetic.md says what each computes, to the last bit. */
typedef enum {
  strettoSum = 0,              /**< Integers wrap; fp8 saturates. */
  strettoProd = 1,             /**< The product, likewise. */
  strettoMax = 2,              /**< NaN if any input is NaN. */
  strettoMin = 3,              /**< NaN if any input is NaN. */
  strettoAvg = 4,              /**< The sum divided by the number of ranks; of integers, truncated toward zero. */
  strettoNumRedOps = 5,        /**< How many of these there are in this version. */
  strettoMaxRedOp = 0x7fffffff /**< No operation: makes the type wide enough for those that users make. */
} strettoRedOp_t;

/** Where a scalar argument lives, and when it is read. */
typedef enum {
  strettoScalarDevice = 0,       /**< Memory of the communicator's kind, read when the operation runs. */
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
  int data_timeout_ms;   /**< Deadline of one operation. Default 600000. Its error may come a second later, since
                              ranks of host memory then ask one another whom to name. */
  int blocking;          /**< 1 (default): set-up has ended when the call returns. 0: it returns strettoInProgress, and
                              strettoCommGetAsyncError says when set-up has ended; collectives are as ever. */
  int max_channels;      /**< Upper bound on channels of a plan, 1 to 64; unset: 2. Rank 0's value counts. */
  int max_sms;           /**< Device communicators: not heeded in this release; max_channels bounds SMs, two a channel. */
  const char *name;      /**< Stands in this communicator's logs; NULL: nothing does. Copied. */
  const char *algorithm; /**< Force one algorithm ("ring", "tree", "one_shot", "two_shot") wherever it can serve the
                              collective; NULL: the planner's choice. Must be equal on all ranks. Copied. */
} strettoConfig_t;

/** A strettoConfig_t that leaves everything to the environment, the configuration file or the default. */
#define STRETTO_CONFIG_INITIALIZER                                                                              \
  {                                                                                                             \
    sizeof(strettoConfig_t), STRETTO_VERSION, STRETTO_UNSET, STRETTO_UNSET, STRETTO_UNSET, STRETTO_UNSET,       \
        STRETTO_UNSET, STRETTO_UNSET, NULL, NULL                                                                \
  }

/** How an operation is to run. Host communicators run the first three alike. */
typedef enum {
  strettoModeDefault = 0, /**< The planner's choice. */
  strettoModeLatency = 1, /**< Prefer the shortest time for this operation alone. */
  strettoModeOverlap = 2, /**< Prefer to leave SMs and memory bandwidth to computation beside it. */
  strettoModeZeroSm = 3   /**< Copy engines only; strettoUnsupported where none can serve the request. */
} strettoCallMode_t;

/** Per-call settings; size-first like strettoConfig_t. Start from STRETTO_CALL_CONFIG_INITIALIZER. None of them
 *  changes what is sent, so they may differ between ranks. */
typedef struct {
  size_t size;            /**< sizeof(strettoCallConfig_t) of the caller. */
  uint32_t version;       /**< STRETTO_VERSION of the caller. */
  int max_sms;            /**< Device communicators: not heeded in this release. STRETTO_UNSET. */
  strettoCallMode_t mode; /**< What to prefer. */
  int deadline_ms;        /**< Of this operation, or STRETTO_UNSET for the communicator's. */
  const char *name;       /**< Reserved: not yet shown anywhere. */
} strettoCallConfig_t;

/** A strettoCallConfig_t that changes nothing. */
#define STRETTO_CALL_CONFIG_INITIALIZER                                                                         \
  { sizeof(strettoCallConfig_t), STRETTO_VERSION, STRETTO_UNSET, strettoModeDefault, STRETTO_UNSET, NULL }

/** STRETTO_VERSION of the library that is loaded, which need not be this header's. Any thread.
 *  @param version receives the number. */
STRETTO_API strettoResult_t strettoGetVersion(int *version);
/** Size of one element. Any thread; never fails.
 *  @param datatype one of strettoDataType_t.
 *  @return bytes; 0 for a number that is no type. */
STRETTO_API size_t strettoDataTypeSize(strettoDataType_t datatype);

#include "stretto/errors.h"        /* what a failed call tells */
#include "stretto/starting.h"      /* all ways to start a communicator */
#include "stretto/communicators.h" /* its parts, its end, its memory and operations */
#include "stretto/collectives.h"   /* collectives, sends and receives, groups */
#include "stretto/streams.h"       /* streams and events of host communicators */

#ifdef __cplusplus
}
#endif
#endif /* STRETTO_H */
