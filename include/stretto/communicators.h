/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: what is done with a communicator besides collectives: parting it, ending
 * it, asking it; its memory and its operations.
 */
#ifndef STRETTO_COMMUNICATORS_H
#define STRETTO_COMMUNICATORS_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

/** The color of a rank that takes part in a split and wants no communicator. Any negative one does. */
#define STRETTO_SPLIT_NOCOLOR (-1)

/** Parts the ranks of a communicator into groups, and makes a communicator of each. Every rank of `comm` must call, in
 *  the order of its collectives. Ranks of one color are ordered by `key`, and by their rank in `comm` where keys are
 *  equal. A rank whose arguments are refused tells the others by it: they get strettoRemoteError.
 *  Of device communicators it is no operation of a stream: it does not wait for any, and the host waits for the others.
 *  @param comm the parent, which goes on as before.
 *  @param color ranks of one color (0 or greater) form a group; negative: none.
 *  @param key the place within the group.
 *  @param newcomm receives the handle; NULL for a negative color.
 *  @param config NULL: the parent's settings, which are then the same on all ranks. Else STRETTO_UNSET as device means
 *         the parent's. */
STRETTO_API strettoResult_t strettoCommSplit(strettoComm_t comm, int color, int key, strettoComm_t *newcomm,
                                             const strettoConfig_t *config);

/** Makes a communicator of the ranks that are left, keeping their order. Called by those only, all of them. A parent
 *  without a fault goes on as before. One with a fault may be without any of its other ranks, which may be dead: what it
 *  has under way ends first, in streams too, and then those who are left meet. Where operations hang without a fault,
 *  call strettoCommAbort before. It fails on all who are left if they exclude different ranks (strettoInvalidUsage), if
 *  one of them is refused what it asks for (strettoRemoteError), or if one has not come within setup_timeout_ms
 *  (strettoTimeout); those errors name ranks of `comm`, and the call may be made again. In a group it is awaited by the
 *  group's end, like strettoCommInitRank.
 *  @param comm the parent, which is still to be destroyed, before newcomm or after.
 *  @param exclude ranks of `comm` that are not to be members, in any order, the same on all callers.
 *  @param n_exclude how many there are; 0: a second communicator of all.
 *  @param newcomm receives the handle.
 *  @param config NULL: the parent's settings. Else STRETTO_UNSET as device means the parent's. */
STRETTO_API strettoResult_t strettoCommShrink(strettoComm_t comm, const int *exclude, int n_exclude,
                                              strettoComm_t *newcomm, const strettoConfig_t *config);

/** Completes what this rank issued, in streams too, and says goodbye: other ranks that have not ended what it takes
 *  part in can still do so. Afterwards only strettoCommDestroy, strettoCommAbort and the getters are allowed. Waits
 *  no longer than the operations' deadlines, and as long as host functions in their streams take. Not to be called by
 *  a host function. A second call does nothing. */
STRETTO_API strettoResult_t strettoCommFinalize(strettoComm_t comm);

/** Frees the communicator, after its own operations have ended: those in streams too, within their deadlines. Then it
 *  waits at most 1 s: until its neighbours have taken its goodbye, and, as the only rank of its process, until the
 *  others leave too, since it passes on what they say. Not to be called by a host function. CUDA graphs that hold
 *  operations of the communicator should be destroyed before it: until they are, it keeps its device memory.
 *  @param comm NULL is allowed. The handle is dead, unless strettoInvalidUsage is returned. */
STRETTO_API strettoResult_t strettoCommDestroy(strettoComm_t comm);

/** Ends the communicator now: an operation of this rank that is under way in another thread returns strettoAborted,
 *  other ranks get strettoRemoteError that names this one. During set-up it ends that. Frees nothing that a thread
 *  still uses: call strettoCommDestroy afterwards, when no other thread is inside a call. May be called from any
 *  thread, repeatedly. */
STRETTO_API strettoResult_t strettoCommAbort(strettoComm_t comm);

/** The communicator's state. Any thread, never blocks.
 *  @param async_error receives strettoInProgress during set-up, then strettoSuccess, or the code of the first fault,
 *         whose text and fields strettoGetLastError(comm) and strettoGetErrorInfo(comm) give. */
STRETTO_API strettoResult_t strettoCommGetAsyncError(strettoComm_t comm, strettoResult_t *async_error);

/** Waits until the set-up of a communicator that was made with strettoConfig_t.blocking 0 has ended. Any thread: a
 *  strettoCommAbort by another one ends the wait; strettoCommDestroy must not be called meanwhile.
 *  @return strettoSuccess, at once where there is no set-up to wait for; or what ended set-up. Of faults since
 *          strettoCommGetAsyncError tells. */
STRETTO_API strettoResult_t strettoCommWait(strettoComm_t comm);

/** The number of ranks. Any thread, also during set-up.
 *  @param count receives it. */
STRETTO_API strettoResult_t strettoCommCount(strettoComm_t comm, int *count);

/** This rank. Any thread, also during set-up.
 *  @param rank receives its number, from 0. */
STRETTO_API strettoResult_t strettoCommUserRank(strettoComm_t comm, int *rank);

/** Where this rank's buffers live. Any thread, also during set-up.
 *  @param device receives STRETTO_DEVICE_HOST, or the number of a CUDA device. */
STRETTO_API strettoResult_t strettoCommDevice(strettoComm_t comm, int *device);

/** How many CUDA devices this process has for communicators: the numbers that strettoConfig_t.device may be. Any thread.
 *  strettoUnsupported, field "device", where there is none; the text says why, and what to do.
 *  @param count receives the number, at least 1. */
STRETTO_API strettoResult_t strettoGetDeviceCount(int *count);

/** Allocates memory for buffers: of the CUDA device that is current where this process can use one, else of the host.
 *  Of a device it is whole pages of 2 MiB, which the other GPUs of this process may use too where the machine can do
 *  that; of the host it is whole pages. It is made so that other ranks of the host can come to map it; in this release
 *  operations take it as they take any memory. It is the caller's, until strettoMemFree. Any thread.
 *  @param pointer receives its address; what lies there has no meaning.
 *  @param bytes its size; of 0 the address is as good as any, and still to be freed. */
STRETTO_API strettoResult_t strettoMemAlloc(void **pointer, size_t bytes);

/** strettoMemAlloc of a device that the caller names. Any thread.
 *  @param pointer receives its address.
 *  @param bytes its size.
 *  @param device as strettoConfig_t.device: STRETTO_DEVICE_HOST, STRETTO_DEVICE_CURRENT, or a CUDA device number. */
STRETTO_API strettoResult_t strettoMemAllocOnDevice(void **pointer, size_t bytes, int device);

/** Frees memory of the two functions above. No operation that uses it may be under way. Any thread.
 *  @param pointer NULL is allowed. */
STRETTO_API strettoResult_t strettoMemFree(void *pointer);

/** Tells a communicator of the caller's memory, which it may then use without copies. In this release it is checked and
 *  remembered, and changes nothing about operations. The memory stays the caller's, and must live until it is
 *  deregistered, or the communicator destroyed. Any thread; ranks need not do alike.
 *  @param buffer its address.
 *  @param bytes its size, at least 1.
 *  @param handle receives what strettoCommDeregister takes. */
STRETTO_API strettoResult_t strettoCommRegister(strettoComm_t comm, void *buffer, size_t bytes, void **handle);

/** Ends a registration. No operation that uses the memory may be under way. Also of a communicator that is finalized or
 *  has a fault. Any thread.
 *  @param handle from strettoCommRegister on the same communicator, once. */
STRETTO_API strettoResult_t strettoCommDeregister(strettoComm_t comm, void *handle);

/** Makes an operation that multiplies this rank's input by `scalar`, rounds to the type, and then sums over the
 *  ranks. For calls on `comm` with that datatype; each rank makes its own, scalars may differ. Any thread.
 *  @param op receives the operation, which is the caller's until strettoRedOpDestroy or the communicator's end.
 *  @param scalar one element of `datatype`.
 *  @param datatype type of the scalar and of the elements.
 *  @param residence strettoScalarHostImmediate: `scalar` is read now. strettoScalarDevice: whenever an operation
 *         begins; of a host communicator it is host memory. Of a device communicator it is memory that its device
 *         reaches, read by the kernel: in the stream's turn, at each replay of a graph; it must live as long as those. */
STRETTO_API strettoResult_t strettoRedOpCreatePreMulSum(strettoRedOp_t *op, void *scalar, strettoDataType_t datatype,
                                                        strettoScalarResidence_t residence, strettoComm_t comm);

/** Forgets an operation: later calls with it are refused, those issued go on. Any thread.
 *  @param op one that was made for `comm`. */
STRETTO_API strettoResult_t strettoRedOpDestroy(strettoRedOp_t op, strettoComm_t comm);

#endif /* STRETTO_COMMUNICATORS_H */
