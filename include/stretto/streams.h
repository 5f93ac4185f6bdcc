/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: host streams and events.
 *
 * A collective of a host communicator that names a host stream checks its arguments, takes its
 * place in the communicator's order and returns at once; the stream's own thread runs it. The meaning is CUDA's:
 *  - What is issued to one stream runs in the order of issue, each item after the one before has ended. Streams run
 *    side by side; events order them. Every function here may be called from any thread at any time.
 *  - Buffers are used until the operation has ended in its stream. Call configs, counts and displacements are copied.
 *  - Errors of arguments are returned by the call. Later ones are the communicator's fault (strettoCommGetAsyncError)
 *    and the stream's first error, which strettoStreamSynchronize returns. Operations of a faulted communicator end
 *    at once with its fault; host functions, events and other communicators' operations in the stream go on.
 *  - As with CUDA, ranks that issue two communicators' operations to one stream in different orders wait for each
 *    other: until the deadline, here.
 *  - A handle that is no live stream (event) is refused: strettoInvalidArgument, field "stream" ("event").
 *  - Functions that wait must not be called by a host function: they return strettoInvalidUsage there.
 *  - At the end of the process streams that were not destroyed drop what has not ended; host functions that have not
 *    begun are not called.
 *
 * Parameters that mean the same everywhere, where a function says nothing else:
 *  - stream: A host stream, from strettoStreamCreate.
 *  - event: An event, from strettoEventCreate.
 */
#ifndef STRETTO_STREAMS_H
#define STRETTO_STREAMS_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

/** A point in a host stream that has been reached or not. */
typedef struct strettoEvent *strettoEvent_t;

/** Makes a stream, with a thread of its own that sleeps while there is nothing to do. All signals are blocked in it.
 *  @param stream receives the handle, which is the caller's until strettoStreamDestroy. */
STRETTO_API strettoResult_t strettoStreamCreate(strettoStream_t *stream);

/** Completes what was issued, in at most the operations' own deadlines (and as long as its host functions take), then
 *  frees the stream. Its errors are dropped.
 *  @param stream NULL is allowed. */
STRETTO_API strettoResult_t strettoStreamDestroy(strettoStream_t stream);

/** Waits until all that was issued to the stream before this call has ended. Returns the first error of an operation in
 *  the stream since the last such call, with its text and fields, and forgets it. */
STRETTO_API strettoResult_t strettoStreamSynchronize(strettoStream_t stream);

/** strettoInProgress while something in the stream has not ended; else what strettoStreamSynchronize would return,
 *  which it does not forget. Never blocks. */
STRETTO_API strettoResult_t strettoStreamQuery(strettoStream_t stream);

/** What is issued to `stream` from now on waits for the event, as recorded at the time of this call. An event that was
 *  never recorded is not waited for. */
STRETTO_API strettoResult_t strettoStreamWaitEvent(strettoStream_t stream, strettoEvent_t event);

/** Calls fn(context) in the stream's thread, in its turn.
 *  @param fn must not throw, nor call what waits; it keeps what comes after it waiting.
 *  @param context handed to `fn`; the caller's. */
STRETTO_API strettoResult_t strettoStreamLaunchHostFunc(strettoStream_t stream, void (*fn)(void *context),
                                                        void *context);

/** Makes an event, which has not been recorded.
 *  @param event receives the handle, which is the caller's until strettoEventDestroy. */
STRETTO_API strettoResult_t strettoEventCreate(strettoEvent_t *event);

/** Frees the handle, at any time: streams that still have it keep what they need.
 *  @param event NULL is allowed. */
STRETTO_API strettoResult_t strettoEventDestroy(strettoEvent_t event);

/** The event is reached when what was issued to `stream` so far has ended. Replaces an earlier record; waits for that
 *  one go on waiting for that one. */
STRETTO_API strettoResult_t strettoEventRecord(strettoEvent_t event, strettoStream_t stream);

/** Waits until the event, as recorded last, is reached. Returns at once if it never was recorded. */
STRETTO_API strettoResult_t strettoEventSynchronize(strettoEvent_t event);

/** strettoSuccess if the event, as recorded last, is reached or if it never was recorded, else strettoInProgress. */
STRETTO_API strettoResult_t strettoEventQuery(strettoEvent_t event);

/** Milliseconds between two events that were reached. strettoInProgress: not yet both; strettoInvalidUsage: one was
 *  never recorded.
 *  @param ms receives the time, which is negative if `stop` was reached first.
 *  @param start the event that the time begins with.
 *  @param stop the event that it ends with. */
STRETTO_API strettoResult_t strettoEventElapsedTime(float *ms, strettoEvent_t start, strettoEvent_t stop);

#endif /* STRETTO_STREAMS_H */
