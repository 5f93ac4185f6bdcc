/* Two processes add up a vector. Rank 0 makes the id and hands it to rank 1 through a pipe; any channel that you trust
 * will do. Build: cc -std=c99 01_all_reduce.c $(pkg-config --cflags --libs stretto) -o 01_all_reduce */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stretto/stretto.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RANKS = 2, COUNT = 1000 };

/* Every error has a text: what happened, where, and what to do. Ask for it before the next call of this thread. */
static int is_error(strettoResult_t result, int rank, strettoComm_t comm) {
  if (result == strettoSuccess) return 0;
  fprintf(stderr, "rank %d: %s: %s\n", rank, strettoGetErrorString(result), strettoGetLastError(comm));
  return 1;
}

static int all_reduce(int rank, strettoComm_t comm) {
  float mine[COUNT];
  float sum[COUNT];
  for (int i = 0; i < COUNT; ++i) mine[i] = (float)(i + rank);
  /* No stream: the calling thread does the work, and the call returns when `sum` is complete. */
  if (is_error(strettoAllReduce(mine, sum, COUNT, strettoFloat32, strettoSum, comm, NULL), rank, comm)) return 1;
  for (int i = 0; i < COUNT; ++i) {
    const float expected = (float)(RANKS * i + RANKS * (RANKS - 1) / 2);
    if (sum[i] != expected) {
      fprintf(stderr, "rank %d: sum[%d] is %g instead of %g\n", rank, i, (double)sum[i], (double)expected);
      return 1;
    }
  }
  printf("rank %d of %d: %d sums are right\n", rank, RANKS, COUNT);
  return 0;
}

/* One rank's life: join, work, leave. */
static int run(int rank, strettoUniqueId id) {
  strettoComm_t comm = NULL;
  if (is_error(strettoCommInitRank(&comm, RANKS, id, rank), rank, NULL)) return 1;
  const int status = all_reduce(rank, comm);
  return is_error(strettoCommDestroy(comm), rank, NULL) || status;
}

static int rank_0(int out) {
  strettoUniqueId id;
  if (is_error(strettoGetUniqueId(&id), 0, NULL)) return 1;
  if (write(out, &id, sizeof id) != (ssize_t)sizeof id) {
    perror("rank 0: write");
    return 1;
  }
  return run(0, id);
}

static int rank_1(int in) {
  strettoUniqueId id;
  if (read(in, &id, sizeof id) != (ssize_t)sizeof id) {
    fprintf(stderr, "rank 1: no id came\n");
    return 1;
  }
  return run(1, id);
}

int main(void) {
  int ends[2];
  if (pipe(ends) != 0) return 1;
  /* Fork before the first call of stretto: its background thread would not exist in the child. */
  const pid_t child = fork();
  if (child < 0) return 1;
  close(ends[child == 0 ? 1 : 0]);
  if (child == 0) return rank_1(ends[0]);
  int status = rank_0(ends[1]);
  close(ends[1]); /* a rank 1 that still waits for the id learns that none will come */
  int child_status = 1;
  if (waitpid(child, &child_status, 0) != child || child_status != 0) status = 1;
  return status;
}
