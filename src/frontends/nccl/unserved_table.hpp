// Names of NCCL's that are exported, since callers look for them, and not served. Each returns ncclInvalidUsage and
// keeps a text that says so and why.
#pragma once

/// X(name, why)
#define STRETTO_NCCL_UNSERVED(X)                                                                                  \
  X(ncclDevCommCreate, STRETTO_NCCL_NO_DEVICE_API)                                                                \
  X(ncclDevCommDestroy, STRETTO_NCCL_NO_DEVICE_API)                                                               \
  X(ncclLsaBarrierCreateRequirement, STRETTO_NCCL_NO_DEVICE_API)                                                  \
  X(ncclGinBarrierCreateRequirement, STRETTO_NCCL_NO_DEVICE_API)                                                  \
  X(ncclGinInboxA2ACreateRequirement, STRETTO_NCCL_NO_DEVICE_API)                                                 \
  X(ncclGinOutboxCreateRequirement, STRETTO_NCCL_NO_DEVICE_API)                                                   \
  X(ncclLLA2ACreateRequirement, STRETTO_NCCL_NO_DEVICE_API)                                                       \
  X(ncclCommQueryProperties, STRETTO_NCCL_NO_DEVICE_API)                                                          \
  X(ncclGetLsaDevicePointer, STRETTO_NCCL_NO_POINTERS)                                                            \
  X(ncclGetLsaMultimemDevicePointer, STRETTO_NCCL_NO_POINTERS)                                                    \
  X(ncclGetMultimemDevicePointer, STRETTO_NCCL_NO_POINTERS)                                                       \
  X(ncclGetPeerDevicePointer, STRETTO_NCCL_NO_POINTERS)                                                           \
  X(ncclWinGetUserPtr, STRETTO_NCCL_NO_POINTERS)                                                                  \
  X(ncclPutSignal, STRETTO_NCCL_NO_ONE_SIDED)                                                                     \
  X(ncclSignal, STRETTO_NCCL_NO_ONE_SIDED)                                                                        \
  X(ncclWaitSignal, STRETTO_NCCL_NO_ONE_SIDED)                                                                    \
  X(ncclCommSuspend, "a communicator's memory cannot be given back while it lives: destroy it, and make it anew") \
  X(ncclCommResume, "no communicator is suspended, since ncclCommSuspend is not served")                          \
  X(ncclCommMemStats, "a communicator's memory is not counted")                                                   \
  X(ncclCommGrow, "a communicator does not grow: make a larger one with ncclCommInitRank")                        \
  X(ncclCommGetUniqueId, "a communicator does not grow: make a larger one with ncclCommInitRank")                 \
  X(ncclAllReduceConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                             \
  X(ncclAllGatherConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                             \
  X(ncclAlltoAllConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                              \
  X(ncclBroadcastConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                             \
  X(ncclGatherConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                                \
  X(ncclReduceConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                                \
  X(ncclReduceScatterConfig, STRETTO_NCCL_NO_CALL_CONFIG)                                                         \
  X(ncclScatterConfig, STRETTO_NCCL_NO_CALL_CONFIG)

#define STRETTO_NCCL_NO_DEVICE_API "kernels of the caller's cannot communicate: call collectives from the host"
#define STRETTO_NCCL_NO_POINTERS "a window is a registration, and gives no pointers to other ranks' memory"
#define STRETTO_NCCL_NO_ONE_SIDED "there is no one-sided communication: use ncclSend and ncclRecv"
#define STRETTO_NCCL_NO_CALL_CONFIG "calls have no settings of their own: make the same call without Config"
