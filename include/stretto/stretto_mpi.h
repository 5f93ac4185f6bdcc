/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts a communicator of the ranks of an MPI communicator. Header only, C99 and C++: it is compiled with the
 * program's own MPI, and libstretto needs none. Not included by stretto.h.
 */
#ifndef STRETTO_MPI_H
#define STRETTO_MPI_H

#include <limits.h>
#include <mpi.h>

#include "stretto/stretto.h"

/** strettoAllGatherFn over the MPI communicator that `context` points to. Returns MPI's code (MPI_SUCCESS is 0). */
static inline int strettoMpiAllGather(void* context, const void* mine, void* all, size_t bytes) {
  if (bytes > (size_t)INT_MAX) return MPI_ERR_COUNT;
  return MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, *(MPI_Comm*)context);
}

/** Starts a communicator of the ranks of `mpi` (an intra-communicator), each with the rank that it has there.
 * Collective over `mpi`, and blocking; MPI must be initialised, and may be finalised while the communicator lives.
 * Where MPI returns errors (MPI_ERRORS_RETURN), one becomes strettoSystemError with its number.
 *  @param config NULL for defaults. */
static inline strettoResult_t strettoCommInitMpi(strettoComm_t* comm, MPI_Comm mpi, const strettoConfig_t* config) {
  int size = 0; /* refused, should MPI not say */
  int rank = 0;
  if (MPI_Comm_size(mpi, &size) != MPI_SUCCESS || MPI_Comm_rank(mpi, &rank) != MPI_SUCCESS) size = 0;
  return strettoCommInitCallback(comm, size, rank, strettoMpiAllGather, &mpi, config);
}

#endif /* STRETTO_MPI_H */
