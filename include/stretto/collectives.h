/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: collectives, sends and receives, barrier, and groups of such calls.
 *
 *  - n is the number of ranks; a block is what one rank gives or gets of it.
 *  - Each function has a form ...Config, which takes settings of the call besides and is the same otherwise.
 *  - In place means sendbuff == recvbuff, or for the gathering and scattering kinds what their comment says. Any other
 *    overlap of what a rank reads and writes is strettoInvalidArgument.
 *  - A call without a stream runs in the calling thread and has ended when it returns. A call with one checks its
 *    arguments, takes its place in the communicator's and in the stream's order, and returns at once; see streams.h.
 *  - Besides errors of its arguments each may return the communicator's fault: strettoInvalidUsage where the ranks'
 *    calls differ, strettoRemoteError where a rank died or left, strettoTimeout where its deadline passed.
 *
 * Parameters that mean the same everywhere, where a function says nothing else:
 *  - sendbuff: What this rank gives. Not written to, unless in place. May be NULL where there is nothing to read.
 *  - recvbuff: Where this rank's result goes. May be NULL where there is nothing to write.
 *  - count: How many elements; the same on all ranks. 0 is allowed, and the ranks meet all the same.
 *  - datatype: Type of the elements; the same on all ranks.
 *  - op: What combines elements: one of strettoRedOp_t, the same on all ranks, or one made for `comm`.
 *  - root: A rank, from 0 to n - 1; the same on all ranks.
 *  - stream: A host stream, or NULL: the calling thread.
 *  - call: Settings of this call; NULL for defaults. Read during the call only.
 */
#ifndef STRETTO_COLLECTIVES_H
#define STRETTO_COLLECTIVES_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

/** All-reduce: recvbuff[i] on every rank = op over ranks of sendbuff[i], i < count. All ranks get the same bits. */
STRETTO_API strettoResult_t strettoAllReduce(const void *sendbuff, void *recvbuff, size_t count,
                                             strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                             strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllReduceConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                   strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);

/** All-gather: recvbuff (n * sendcount elements) on every rank = all ranks' sendbuff in rank order.
 *  In place: sendbuff == recvbuff + rank * sendcount.
 *  @param sendcount elements of each rank's block; the same on all ranks. */
STRETTO_API strettoResult_t strettoAllGather(const void *sendbuff, void *recvbuff, size_t sendcount,
                                             strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllGatherConfig(const void *sendbuff, void *recvbuff, size_t sendcount,
                                                   strettoDataType_t datatype, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);

/** All-gather of blocks of different sizes: rank r gives recvcounts[r] elements, which land at recvbuff + displs[r] on
 *  every rank. In place: sendbuff == recvbuff + displs[rank].
 *  @param recvcounts n counts of elements; the same on all ranks. Read during the call only.
 *  @param displs n places in recvbuff, in elements; blocks must not overlap, gaps are left as they are. Each rank's
 *         own; read during the call only. */
STRETTO_API strettoResult_t strettoAllGatherV(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                              const size_t *displs, strettoDataType_t datatype, strettoComm_t comm,
                                              strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllGatherVConfig(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                                    const size_t *displs, strettoDataType_t datatype,
                                                    strettoComm_t comm, strettoStream_t stream,
                                                    const strettoCallConfig_t *call);

/** Reduce-scatter: recvbuff (recvcount elements) on rank r = op over ranks of block r of sendbuff (n * recvcount).
 *  In place: recvbuff == sendbuff + rank * recvcount.
 *  @param recvcount elements of each block; the same on all ranks. */
STRETTO_API strettoResult_t strettoReduceScatter(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                 strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                 strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceScatterConfig(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                       strettoDataType_t datatype, strettoRedOp_t op,
                                                       strettoComm_t comm, strettoStream_t stream,
                                                       const strettoCallConfig_t *call);

/** Reduce-scatter of blocks of different sizes, which lie one after the other in sendbuff: rank r gets recvcounts[r]
 *  elements. In place: recvbuff == where this rank's block begins in sendbuff.
 *  @param recvcounts n counts of elements; the same on all ranks. Read during the call only. */
STRETTO_API strettoResult_t strettoReduceScatterV(const void *sendbuff, void *recvbuff, const size_t *recvcounts,
                                                  strettoDataType_t datatype, strettoRedOp_t op, strettoComm_t comm,
                                                  strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceScatterVConfig(const void *sendbuff, void *recvbuff,
                                                        const size_t *recvcounts, strettoDataType_t datatype,
                                                        strettoRedOp_t op, strettoComm_t comm, strettoStream_t stream,
                                                        const strettoCallConfig_t *call);

/** Broadcast: recvbuff (count elements) on every rank = sendbuff of `root`. In place on root: sendbuff == recvbuff.
 *  @param sendbuff is read on root only. */
STRETTO_API strettoResult_t strettoBroadcast(const void *sendbuff, void *recvbuff, size_t count,
                                             strettoDataType_t datatype, int root, strettoComm_t comm,
                                             strettoStream_t stream);
STRETTO_API strettoResult_t strettoBroadcastConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                   strettoDataType_t datatype, int root, strettoComm_t comm,
                                                   strettoStream_t stream, const strettoCallConfig_t *call);

/** Reduce: recvbuff[i] on `root` = op over ranks of sendbuff[i], i < count.
 *  @param recvbuff is written on root only. */
STRETTO_API strettoResult_t strettoReduce(const void *sendbuff, void *recvbuff, size_t count,
                                          strettoDataType_t datatype, strettoRedOp_t op, int root, strettoComm_t comm,
                                          strettoStream_t stream);
STRETTO_API strettoResult_t strettoReduceConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                strettoDataType_t datatype, strettoRedOp_t op, int root,
                                                strettoComm_t comm, strettoStream_t stream,
                                                const strettoCallConfig_t *call);

/** All-to-all: block s of recvbuff on rank d = block d of sendbuff on rank s. Both have n blocks. In place on
 *  GPUs only (refused on host ranks): sendbuff == recvbuff, each block is swapped with a peer's.
 *  @param count elements of each block; the same on all ranks. */
STRETTO_API strettoResult_t strettoAllToAll(const void *sendbuff, void *recvbuff, size_t count,
                                            strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllToAllConfig(const void *sendbuff, void *recvbuff, size_t count,
                                                  strettoDataType_t datatype, strettoComm_t comm,
                                                  strettoStream_t stream, const strettoCallConfig_t *call);

/** All-to-all of blocks of different sizes: this rank's sendcounts[d] elements from sendbuff + sdispls[d] go to rank d,
 *  whose recvcounts[rank] must be the same number; recvcounts[s] elements come from rank s to recvbuff + rdispls[s].
 *  Not in place. All four arrays are this rank's own, and read during the call only.
 *  @param sendcounts n counts of elements.
 *  @param sdispls n places in sendbuff, in elements.
 *  @param recvcounts n counts of elements.
 *  @param rdispls n places in recvbuff, in elements; blocks must not overlap. */
STRETTO_API strettoResult_t strettoAllToAllV(const void *sendbuff, const size_t *sendcounts, const size_t *sdispls,
                                             void *recvbuff, const size_t *recvcounts, const size_t *rdispls,
                                             strettoDataType_t datatype, strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoAllToAllVConfig(const void *sendbuff, const size_t *sendcounts,
                                                   const size_t *sdispls, void *recvbuff, const size_t *recvcounts,
                                                   const size_t *rdispls, strettoDataType_t datatype,
                                                   strettoComm_t comm, strettoStream_t stream,
                                                   const strettoCallConfig_t *call);

/** Gather: recvbuff (n * sendcount elements) on `root` = all ranks' sendbuff in rank order.
 *  In place on root: sendbuff == recvbuff + root * sendcount.
 *  @param recvbuff is written on root only.
 *  @param sendcount elements of each rank's block; the same on all ranks. */
STRETTO_API strettoResult_t strettoGather(const void *sendbuff, void *recvbuff, size_t sendcount,
                                          strettoDataType_t datatype, int root, strettoComm_t comm,
                                          strettoStream_t stream);
STRETTO_API strettoResult_t strettoGatherConfig(const void *sendbuff, void *recvbuff, size_t sendcount,
                                                strettoDataType_t datatype, int root, strettoComm_t comm,
                                                strettoStream_t stream, const strettoCallConfig_t *call);

/** Scatter: recvbuff (recvcount elements) on rank r = block r of root's sendbuff (n * recvcount).
 *  In place on root: recvbuff == sendbuff + root * recvcount.
 *  @param sendbuff is read on root only.
 *  @param recvcount elements of each block; the same on all ranks. */
STRETTO_API strettoResult_t strettoScatter(const void *sendbuff, void *recvbuff, size_t recvcount,
                                           strettoDataType_t datatype, int root, strettoComm_t comm,
                                           strettoStream_t stream);
STRETTO_API strettoResult_t strettoScatterConfig(const void *sendbuff, void *recvbuff, size_t recvcount,
                                                 strettoDataType_t datatype, int root, strettoComm_t comm,
                                                 strettoStream_t stream, const strettoCallConfig_t *call);

/** Sends `count` elements to `peer`, which makes the matching call of strettoRecv with the same count and type. Sends
 *  from one rank to another are matched with receives there in their order. Sends and receives that wait for one
 *  another belong in a group; so do messages of a rank to itself, each with its counterpart.
 *  Between two ranks, sends and receives must stand in the same order among the collectives on both sides: a send before
 *  a barrier meets a receive before that barrier. (Within a group they come before its collectives, in whatever order
 *  they were called.)
 *  It returns when the buffer may be used again, which can be before the message was received: one that nobody receives
 *  before `peer` finalizes is lost without an error.
 *  @param peer the rank that receives. */
STRETTO_API strettoResult_t strettoSend(const void *sendbuff, size_t count, strettoDataType_t datatype, int peer,
                                        strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoSendConfig(const void *sendbuff, size_t count, strettoDataType_t datatype,
                                              int peer, strettoComm_t comm, strettoStream_t stream,
                                              const strettoCallConfig_t *call);

/** Receives what `peer` sends with strettoSend.
 *  @param count elements, as many as are sent.
 *  @param peer the rank that sends. */
STRETTO_API strettoResult_t strettoRecv(void *recvbuff, size_t count, strettoDataType_t datatype, int peer,
                                        strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoRecvConfig(void *recvbuff, size_t count, strettoDataType_t datatype, int peer,
                                              strettoComm_t comm, strettoStream_t stream,
                                              const strettoCallConfig_t *call);

/** Barrier: ends on no rank before every rank has called it (with a stream: has reached it there). */
STRETTO_API strettoResult_t strettoBarrier(strettoComm_t comm, strettoStream_t stream);
STRETTO_API strettoResult_t strettoBarrierConfig(strettoComm_t comm, strettoStream_t stream,
                                                 const strettoCallConfig_t *call);

/** Opens a group: calls of this thread are kept until its end (they return strettoSuccess, or at once what is wrong
 *  with their arguments), and then issued as one. Groups nest; the outermost counts. Needed where one thread drives
 *  several ranks, and for sends and receives that depend on one another.
 *   - Of one communicator in a group either all calls have a stream or none; if they name several, the first runs them,
 *     and the others wait for it.
 *   - Collectives of a communicator run in the order of the calls, and every rank makes the same group of them; but a
 *     call must not use what another of its group gives.
 *   - Small all-reduces of one type and operation that follow one another run as one, and so do small broadcasts of one
 *     root: rounding may then differ from single calls, on all ranks alike.
 *   - strettoCommInitRank, -Scalable, -Callback and -Environment of blocking communicators begin at once and are awaited
 *     by the end, which writes their handles: all of them, or on an error none. */
STRETTO_API strettoResult_t strettoGroupStart(void);

/** Closes a group. The outermost end issues the calls and returns when those without a stream are done; those with one
 *  are issued to it. If a call was refused, nothing of the group is issued, and the end returns that error. Without a
 *  start it is strettoInvalidUsage.
 *   - Calls of device communicators are checked here: where their memory is, whether their streams can take them, and
 *     that a rank's messages to itself match. An argument that cannot be served in one of them refuses the whole group
 *     before the first of it is launched. The communicators stay usable, as long as the other ranks' parts of the group
 *     are refused, too, or not made: a rank whose part was issued waits for this one until its deadline. */
STRETTO_API strettoResult_t strettoGroupEnd(void);

/** Closes a group as strettoGroupEnd does, but issues nothing of it: its calls are forgotten, and the outermost end says
 *  how long they would have taken by the model that chooses plans. An estimate for schedulers, not a measurement. A
 *  group in which communicators are started is strettoInvalidUsage, and they are not made.
 *  @param time_us receives microseconds: of the communicator that would take longest. Not written by an inner end. */
STRETTO_API strettoResult_t strettoGroupSimulateEnd(double *time_us);

#endif /* STRETTO_COLLECTIVES_H */
