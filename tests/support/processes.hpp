// Ranks as real processes, for tests: forks them, ships rank 0's unique id to the others, collects what each reports,
// kills those that are asked for and, in any case, all that are left. Use only from a process without other threads.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "stretto/stretto.h"

namespace stretto {

/// What a rank tells the test; plain bytes through a pipe.
struct RankReport {
  int result = -1;  ///< strettoResult_t of interest, or -1: nothing was reported
  int rank = -1;
  int peer = -1;
  std::int64_t operation = -1;
  std::int64_t at_ns = 0;  ///< CLOCK_MONOTONIC when it was known
  std::int64_t value = 0;  ///< whatever the test wants
  char field[32] = {};
  char host[64] = {};
  char text[512] = {};
};

/// Fills a report from the last error of `comm` (may be NULL).
RankReport report_of(strettoComm_t comm, strettoResult_t result);
std::int64_t monotonic_ns();

class Processes {
 public:
  using Body = std::function<RankReport(int rank, const strettoUniqueId& id)>;

  /// Starts n ranks, each running `body` in a process of its own. Rank 0 makes the id.
  Processes(int n, const Body& body);
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  void kill(int rank, int signal);
  /// Waits until every rank has ended, at most this long. False: some had to be killed.
  bool wait(std::chrono::milliseconds limit);
  /// After wait().
  const RankReport& report(int rank) const { return ranks_[static_cast<std::size_t>(rank)].report; }
  bool reported(int rank) const { return report(rank).result != -1; }
  /// Exit status, or -signal.
  int status(int rank) const { return ranks_[static_cast<std::size_t>(rank)].status; }

 private:
  struct Child {
    int process = -1;
    int report_pipe = -1;
    int status = 0;
    RankReport report;
  };
  [[noreturn]] void child(int rank, const Body& body, const std::vector<int>& id_pipes, int report_pipe);

  std::vector<Child> ranks_;
};

}  // namespace stretto
