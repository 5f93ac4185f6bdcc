// The sums of the ranks that one thread drives.
#pragma once

#include <optional>
#include <vector>

#include "perf/accuracy/accuracy.hpp"
#include "perf/common/seat.hpp"
#include "perf/common/watchdog.hpp"

namespace stretto::perf {

class AccuracyBench {
 public:
  AccuracyBench(const AccuracyOptions& options, Seats seats, Watchdog& watchdog);

  AccuracyInfo info() const;
  /// Whether rank 0 is among the ranks: errors are worked out there.
  bool has_first_rank() const { return seats_.front().rank == 0; }
  /// Called by all threads alike. Of stretto, or of the library to compare with.
  AccuracyRow measure(strettoDataType_t type, Numbers numbers, bool rival);
  void close();

 private:
  const Communicator& figures() const { return figures_ ? *figures_ : seats_.front().comm; }
  /// One operation into fresh memory. False: the library does not serve the type.
  bool sum(strettoDataType_t type, bool rival);
  void finish(bool rival);

  const AccuracyOptions& options_;
  Watchdog& watchdog_;
  std::optional<Communicator> figures_;
  std::vector<Seat> seats_;
  int n_ranks_;
};

}  // namespace stretto::perf
