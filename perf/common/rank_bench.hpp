// One rank's part of a run: checks, warms up, times. All ranks go through the same calls in the same order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "perf/common/collective.hpp"
#include "perf/common/data.hpp"
#include "perf/common/guarded_buffer.hpp"
#include "perf/common/results.hpp"
#include "perf/common/watchdog.hpp"
#include "stretto/stretto.hpp"

namespace stretto::perf {

class RankBench {
 public:
  RankBench(const Collective& collective, const Options& options, Communicator comm, Watchdog& watchdog);

  int rank() const { return rank_; }
  /// Of all ranks; the tool's and the machine's fields are this rank's.
  RunInfo gather_info();
  /// Gives every rank the same row.
  Row measure(std::size_t bytes, strettoDataType_t type, strettoRedOp_t op, int root);
  /// The largest over ranks.
  std::uint64_t largest(std::uint64_t value);

  std::uint64_t out_of_bounds() const { return out_of_bounds_; }
  bool ranks_agree() const { return ranks_agree_; }
  /// Whether this rank itself saw a fault, whatever the others' count that it was given says.
  bool saw_fault() const { return saw_fault_; }
  void close() { comm_.close(); }

 private:
  /// What does not change between the operations of one placement of one row.
  struct Job {
    const Shape& shape;
    const Pieces& pieces;
    strettoDataType_t type;
    strettoRedOp_t op;
    int root;
    bool in_place;
    std::size_t element_bytes;
    unsigned char* send;
    unsigned char* receive;
  };

  Pieces pieces_of(const Shape& shape) const;
  Job job_of(const Shape& shape, const Pieces& pieces, strettoDataType_t type, strettoRedOp_t op, int root,
             bool in_place) const;
  void run_once(const Job& job);
  void barrier();
  std::uint64_t check(const Job& job, const Data& data);
  template <typename Body>
  void for_each_run(const Job& job, Body&& body) const;
  std::uint64_t hash_untouched(const Job& job) const;
  void note_faults(const Job& job, std::uint64_t changed);
  void time(const Job& job, Measurement& result);
  double over_ranks(double local);

  template <typename T>
  T reduce(T value, strettoRedOp_t op) {
    comm_.all_reduce(&value, 1, op);
    return value;
  }

  const Collective& collective_;
  const Options& options_;
  Communicator comm_;
  Watchdog& watchdog_;
  int rank_;
  int n_ranks_;
  GuardedBuffer send_;
  GuardedBuffer receive_;
  std::size_t rows_ = 0;
  std::uint64_t out_of_bounds_ = 0;
  bool ranks_agree_ = true;
  bool saw_fault_ = false;
};

}  // namespace stretto::perf
