// The benchmark over an MPI, started by its mpirun: bench_mpi COLLECTIVES SIZES SECONDS [apart]. Built once for each
// MPI.
#include <mpi.h>

#include <algorithm>

#include "bench.hpp"

namespace stretto::bench {
namespace {

/// MPI's counts are ints.
std::vector<int> ints(const std::vector<std::size_t>& values) {
  std::vector<int> all;
  for (const std::size_t value : values) all.push_back(static_cast<int>(value));
  return all;
}

class Mpi final : public Library {
 public:
  Mpi() {
    MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
    MPI_Comm_size(MPI_COMM_WORLD, &n_ranks_);
  }
  int rank() const override { return rank_; }
  int n_ranks() const override { return n_ranks_; }
  double largest(double value) override {
    double result = 0;
    MPI_Allreduce(&value, &result, 1, MPI_DOUBLE, MPI_MAX, MPI_COMM_WORLD);
    return result;
  }
  std::function<void()> prepare(const Operation& operation) override {
    return operation.send_counts.empty() && operation.receive_counts.empty() ? even(operation) : uneven(operation);
  }

 private:
  static std::function<void()> even(const Operation& o) {
    const int count = static_cast<int>(o.count);
    switch (o.collective) {
      case Collective::all_reduce:
        return [&o, count] { MPI_Allreduce(o.send, o.receive, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); };
      case Collective::all_gather:
        return [&o, count] { MPI_Allgather(o.send, count, MPI_FLOAT, o.receive, count, MPI_FLOAT, MPI_COMM_WORLD); };
      case Collective::reduce_scatter:
        return [&o, count] { MPI_Reduce_scatter_block(o.send, o.receive, count, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); };
      case Collective::broadcast:
        return broadcast(o, count);
      case Collective::reduce:
        return [&o, count] { MPI_Reduce(o.send, o.receive, count, MPI_FLOAT, MPI_SUM, 0, MPI_COMM_WORLD); };
      case Collective::all_to_all:
        return [&o, count] { MPI_Alltoall(o.send, count, MPI_FLOAT, o.receive, count, MPI_FLOAT, MPI_COMM_WORLD); };
      case Collective::gather:
        return [&o, count] { MPI_Gather(o.send, count, MPI_FLOAT, o.receive, count, MPI_FLOAT, 0, MPI_COMM_WORLD); };
      case Collective::scatter:
        return [&o, count] { MPI_Scatter(o.send, count, MPI_FLOAT, o.receive, count, MPI_FLOAT, 0, MPI_COMM_WORLD); };
      case Collective::send_recv:
        return [&o, count] {
          MPI_Sendrecv(o.send, count, MPI_FLOAT, o.next(), 0, o.receive, count, MPI_FLOAT, o.previous(), 0,
                       MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        };
      default:
        return [] { MPI_Barrier(MPI_COMM_WORLD); };
    }
  }

  /// MPI's has one buffer: the root sends from its send buffer and receives nothing, which favours MPI.
  static std::function<void()> broadcast(const Operation& o, int count) {
    float* const buffer = o.rank == 0 ? const_cast<float*>(o.send) : o.receive;
    if (o.rank == 0) std::copy(o.send, o.send + count, o.receive);
    return [buffer, count] { MPI_Bcast(buffer, count, MPI_FLOAT, 0, MPI_COMM_WORLD); };
  }

  static std::function<void()> uneven(const Operation& o) {
    const std::vector<int> out = ints(o.send_counts);
    const std::vector<int> out_at = ints(o.send_offsets);
    const std::vector<int> in = ints(o.receive_counts);
    const std::vector<int> in_at = ints(o.receive_offsets);
    if (o.collective == Collective::reduce_scatter_v) {
      return [&o, out] { MPI_Reduce_scatter(o.send, o.receive, out.data(), MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD); };
    }
    if (o.collective == Collective::all_gather_v) {
      return [&o, in, in_at, count = static_cast<int>(o.send_elements)] {
        MPI_Allgatherv(o.send, count, MPI_FLOAT, o.receive, in.data(), in_at.data(), MPI_FLOAT, MPI_COMM_WORLD);
      };
    }
    return [&o, out, out_at, in, in_at] {
      MPI_Alltoallv(o.send, out.data(), out_at.data(), MPI_FLOAT, o.receive, in.data(), in_at.data(), MPI_FLOAT,
                    MPI_COMM_WORLD);
    };
  }

  int rank_ = 0;
  int n_ranks_ = 1;
};

}  // namespace
}  // namespace stretto::bench

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int code = 0;
  {
    stretto::bench::Mpi mpi;
    code = stretto::bench::run(mpi, std::vector<std::string>(argv + 1, argv + argc));
  }
  if (code != 0) MPI_Abort(MPI_COMM_WORLD, code);
  MPI_Finalize();
  return 0;
}
