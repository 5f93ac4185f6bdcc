/* As many ranks as a launcher starts, on one host without any further word:
 *   torchrun --standalone --nproc-per-node 4 --no-python ./03_launcher
 *   mpirun -n 4 ./03_launcher              (Open MPI and MPICH; the program itself needs no MPI)
 *   srun -n 4 ./03_launcher
 * Across hosts, STRETTO_SECRET_FILE and STRETTO_BOOTSTRAP_ADDRESS are needed: docs/starting.md.
 * Build: cc -std=c99 03_launcher.c $(pkg-config --cflags --libs stretto) -o 03_launcher */
#include <stdio.h>
#include <stretto/stretto.h>

/* Every error has a text: what happened, where, and what to do. */
static int is_error(strettoResult_t result, strettoComm_t comm) {
  if (result == strettoSuccess) return 0;
  fprintf(stderr, "%s: %s\n", strettoGetErrorString(result), strettoGetLastError(comm));
  return 1;
}

/* Rank r brings r + 1 and r + 2; all are given both sums. */
static int add_up(strettoComm_t comm) {
  int rank = -1;
  int ranks = 0;
  if (is_error(strettoCommUserRank(comm, &rank), comm) || is_error(strettoCommCount(comm, &ranks), comm)) return 1;
  const int64_t mine[2] = {rank + 1, rank + 2};
  int64_t sum[2] = {0, 0};
  if (is_error(strettoAllReduce(mine, sum, 2, strettoInt64, strettoSum, comm, NULL), comm)) return 1;
  const int64_t expected = (int64_t)ranks * (ranks + 1) / 2;
  if (sum[0] != expected || sum[1] != expected + ranks) {
    fprintf(stderr, "rank %d: the sums are %lld and %lld\n", rank, (long long)sum[0], (long long)sum[1]);
    return 1;
  }
  printf("rank %d of %d: the sums are right\n", rank, ranks);
  return 0;
}

int main(void) {
  strettoComm_t comm = NULL;
  if (is_error(strettoCommInitEnvironment(&comm, NULL), NULL)) return 1;
  const int status = add_up(comm);
  return is_error(strettoCommDestroy(comm), NULL) || status;
}
