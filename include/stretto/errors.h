/* SPDX-License-Identifier: Apache-2.0
 *
 * Part of stretto.h, which includes it: what a failed call tells. docs/errors.md lists the texts: what each
 * means, and what to do.
 */
#ifndef STRETTO_ERRORS_H
#define STRETTO_ERRORS_H

#ifndef STRETTO_H
#error "include <stretto/stretto.h>, which includes this"
#endif

/** The fields of an error. Numbers are -1 and strings empty where they do not apply. Size-first: set `size` (or start
 *  from STRETTO_ERROR_INFO_INITIALIZER) before the call. */
typedef struct {
  size_t size;          /**< sizeof(strettoErrorInfo_t) of the caller: no more is written. */
  strettoResult_t code; /**< strettoSuccess where there was no error. */
  int rank;             /**< The rank that reports. */
  int peer;             /**< The rank that the error is about: dead, missing, disagreeing. */
  int64_t operation;    /**< Number of the operation on this communicator, from 0. */
  int32_t step;         /**< Step of the plan at which this rank stood. */
  char host[64];        /**< Host of `peer`, empty if there is none. */
  char field[32];       /**< The argument or setting at fault: "count", "datatype", "sendbuff", ... */
  char name[64];        /**< The collective ("all_reduce"), the set-up phase, or, of a bad argument, the C function. */
  char text[1024];      /**< What happened, where, and what to do. Equal to strettoGetLastError's. */
} strettoErrorInfo_t;

/** A strettoErrorInfo_t that is ready to be filled. */
#define STRETTO_ERROR_INFO_INITIALIZER                                                                          \
  { sizeof(strettoErrorInfo_t), strettoSuccess, -1, -1, -1, -1, {0}, {0}, {0}, {0} }

/** A few words for a code, the same for all its errors. Any thread; never fails.
 *  @param result a result code.
 *  @return a constant string, owned by the library; never NULL. */
STRETTO_API const char *strettoGetErrorString(strettoResult_t result);

/** The text of the last error: of `comm`'s first fault if it has one, else of this thread's last failed call. Any
 *  thread.
 *  @param comm a communicator, whose own faults may lie in operations of streams or of other threads; or NULL: this
 *         thread's last failed call.
 *  @return the text, owned by the library and valid until this thread's next call into stretto; "" if there was no
 *          error, never NULL. */
STRETTO_API const char *strettoGetLastError(strettoComm_t comm);

/** The same error as fields: for programs that act on an error, which should not read its text. Any thread.
 *  @param comm as for strettoGetLastError.
 *  @param info receives the fields, with code strettoSuccess if there was no error; `info->size` must be set. */
STRETTO_API strettoResult_t strettoGetErrorInfo(strettoComm_t comm, strettoErrorInfo_t *info);

#endif /* STRETTO_ERRORS_H */
