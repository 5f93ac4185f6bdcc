/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: collectives, sends and receives, barrier, and groups of such calls.
 */
#ifndef STRETTO_COLLECTIVES_H
#define STRETTO_COLLECTIVES_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

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

#endif /* STRETTO_COLLECTIVES_H */
