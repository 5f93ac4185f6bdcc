// One thread's part of a run: checks, warms up, times, for the ranks that it drives. All threads go through the same
// calls in the same order.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "perf/common/collective.hpp"
#include "perf/common/data.hpp"
#include "perf/common/results.hpp"
#include "perf/common/seat.hpp"
#include "perf/common/watchdog.hpp"
#include "stretto/stretto.hpp"

namespace stretto::perf {

class RankBench {
 public:
  RankBench(const Collective& collective, const Options& options, Seats seats, Watchdog& watchdog);

  /// The first of this thread's.
  int rank() const { return seats_.front().rank; }
  /// Of all ranks; the tool's and the machine's fields are this process'.
  RunInfo gather_info();
  /// Gives every thread the same row.
  Row measure(std::size_t bytes, strettoDataType_t type, strettoRedOp_t op, int root);
  /// The largest over threads.
  std::uint64_t largest(std::uint64_t value);

  std::uint64_t out_of_bounds() const { return out_of_bounds_; }
  bool ranks_agree() const { return ranks_agree_; }
  /// Whether one of these ranks itself saw a fault, whatever the others' count that it was given says.
  bool saw_fault() const { return saw_fault_; }
  /// Device memory of the first rank's communicator; 0 for ranks of host memory.
  std::uint64_t communicator_bytes() const { return communicator_bytes_; }
  void close();

 private:
  enum Library { kStretto = 0, kNccl = 1 };

  /// What does not change between the operations of one rank in one placement of one row.
  struct Job {
    Seat& seat;
    const Shape& shape;
    Pieces pieces;
    strettoDataType_t type;
    std::array<strettoRedOp_t, 2> op;  ///< by library: user-made ones are each library's own
    int root;
    bool in_place;
    unsigned char* send;
    unsigned char* receive;
    /// On the host: what to send, what was received.
    unsigned char* sent;
    unsigned char* received;

    std::size_t send_bytes() const { return shape.send * shape.element_bytes; }
    std::size_t receive_bytes() const { return shape.receive * shape.element_bytes; }
    /// That an operation may touch from the start of the receive buffer on.
    std::size_t used_bytes() const {
      return in_place && send_bytes() > receive_bytes() ? send_bytes() : receive_bytes();
    }
  };
  using Jobs = std::vector<Job>;

  bool on_gpus() const { return options_.on_gpus; }
  bool compares() const { return nccl_ != nullptr; }
  const Calls& calls_of(Library library) const { return library == kStretto ? stretto_calls() : nccl_->calls(); }
  const Communicator& figures() const { return figures_ ? figures_ : seats_.front().comm; }

  void register_buffers();
  Pieces pieces_of(const Shape& shape, int rank) const;
  Job job_of(Seat& seat, const Shape& shape, strettoDataType_t type, const std::array<strettoRedOp_t, 2>& op, int root,
             bool in_place) const;
  void measure_placement(Jobs& jobs, strettoRedOp_t op, int checks, Measurement& result);

  /// One operation of every rank of this thread.
  void issue(const Jobs& jobs, Library library);
  /// Waits for what was issued to the streams of these ranks, and for its errors.
  void finish(Library library);
  void barrier() { reduce(std::int32_t{0}, strettoSum); }

  std::uint64_t check(const Jobs& jobs, const Data& data, Library library);
  std::uint64_t count_wrong(const Job& job, const Data& data);
  template <typename Body>
  void for_each_run(const Job& job, Body&& body) const;
  std::uint64_t hash_untouched(const Job& job) const;
  void note_faults(const Jobs& jobs, std::uint64_t changed);

  void time(const Jobs& jobs, Measurement& result);
  void time_on_host(const Jobs& jobs, Measurement& result);
  void time_on_gpus(const Jobs& jobs, Measurement& result);
  void time_in_turns(const Jobs& jobs, Measurement& result);
  void capture(const Jobs& jobs, Library library);
  std::vector<double> sample(const Jobs& jobs, Library library, int samples, int iterations, int first_iterations);
  void put_statistics(std::vector<double> iterations, Measurement& result) const;
  void note_clocks(Row& row);

  /// Of one value per rank of this thread: what the row shows.
  std::vector<double> over_ranks(const std::vector<std::vector<double>>& values);
  double over_ranks(double local) { return over_ranks(std::vector<std::vector<double>>{{local}}).front(); }

  template <typename T>
  T reduce(T value, strettoRedOp_t op) {
    figures().all_reduce(&value, 1, op);
    return value;
  }

  const Collective& collective_;
  const Options& options_;
  const Nccl* nccl_;      ///< null: nothing is compared
  Communicator figures_;  ///< none: the one seat's
  std::vector<Seat> seats_;
  Watchdog& watchdog_;
  int n_ranks_;
  std::uint64_t communicator_bytes_;
  std::size_t rows_ = 0;
  std::uint64_t out_of_bounds_ = 0;
  bool ranks_agree_ = true;
  bool saw_fault_ = false;
};

}  // namespace stretto::perf
