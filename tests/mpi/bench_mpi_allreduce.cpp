// MPI_Allreduce of floats (sum, out of place) over a sweep of sizes, timed as all_reduce_perf times: warm-up, a
// barrier, iterations back to back, the slowest rank's mean. Prints "bytes microseconds" lines. Started by
// compare_mpi.py.
//   bench_mpi_allreduce FIRST_BYTES LAST_BYTES FACTOR ITERATIONS WARMUP
#include <mpi.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

double seconds_per_operation(const float* send, float* receive, std::size_t bytes, int iterations, int warmup) {
  const int count = static_cast<int>(bytes / sizeof(float));
  const auto operation = [&] { MPI_Allreduce(send, receive, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); };
  for (int i = 0; i < warmup; ++i) operation();
  // As all_reduce_perf's barrier: a tiny all-reduce.
  int one = 1;
  int sum = 0;
  MPI_Allreduce(&one, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  const double start = MPI_Wtime();
  for (int i = 0; i < iterations; ++i) operation();
  double elapsed = (MPI_Wtime() - start) / iterations;
  double slowest = 0;
  MPI_Allreduce(&elapsed, &slowest, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
  return slowest;
}

float* zeros(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) MPI_Abort(MPI_COMM_WORLD, 1);
  std::memset(memory, 0, bytes);
  return static_cast<float*>(memory);
}

}  // namespace

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  if (argc != 6) MPI_Abort(MPI_COMM_WORLD, 2);
  const std::size_t first = std::strtoull(argv[1], nullptr, 10);
  const std::size_t last = std::strtoull(argv[2], nullptr, 10);
  const std::size_t factor = std::strtoull(argv[3], nullptr, 10);
  if (first == 0 || factor < 2) MPI_Abort(MPI_COMM_WORLD, 2);
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  const float* const send = zeros(last);
  float* const receive = zeros(last);
  for (std::size_t bytes = first; bytes <= last; bytes *= factor) {
    const double seconds = seconds_per_operation(send, receive, bytes, std::atoi(argv[4]), std::atoi(argv[5]));
    if (rank == 0) std::printf("%zu %.3f\n", bytes, seconds * 1e6);
  }
  MPI_Finalize();
  return 0;
}
