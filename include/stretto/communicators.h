/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: what is done with a communicator once it was started (starting.h), but for
 * collectives: split, shrink, end; its memory and its operations.
 */
#ifndef STRETTO_COMMUNICATORS_H
#define STRETTO_COMMUNICATORS_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

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

#endif /* STRETTO_COMMUNICATORS_H */
