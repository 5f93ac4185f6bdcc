// Who waits for whom, when a deadline passes: the rank that a collective waits for may itself be waiting for a third,
// and only the last one in that row is to blame. Each rank that is asked says what it waits for, or that it is in no
// operation; one that is stopped says nothing.
//
// Any thread. The service thread hears and answers for a rank that is in no operation; the thread that runs an
// operation answers for itself, since nobody else knows where it stands.
#pragma once

#include <atomic>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/error.hpp"

namespace stretto {

class WaitChain {
 public:
  /// Where a row ends that begins with a rank that one waits for.
  struct End {
    Rank rank = -1;              ///< -1: it comes back to where it began
    std::optional<Rank> before;  ///< who waits for it; nullopt: the asker
    bool is_idle = false;        ///< it has said that it is in no operation; else it has said nothing
  };

  WaitChain(Rank rank, int n_ranks) : rank_(rank), n_ranks_(n_ranks) {}

  /// For all others: this rank waits for `peer` (-1: it is in no operation), and asks `whom` (-1: nobody) likewise.
  static std::vector<std::byte> word(Rank peer, Rank whom);
  /// Throws Error for what no rank of this version says.
  void hear(Rank from, std::span<const std::byte> word);
  /// What was heard so far counts no more.
  void forget();

  /// The row from here to the last that has said what it waits for.
  End follow(Rank peer) const;

  /// True while a question to this rank is open. Costs one load.
  bool asked() const { return asked_.load(std::memory_order_acquire); }
  /// True for one caller, who is to answer.
  bool take_question() { return asked_.exchange(false, std::memory_order_acq_rel); }

  // While an operation runs its thread answers; before the first and after the last the service thread does.
  void enter_operation() { in_operation_.store(true, std::memory_order_relaxed); }
  void leave_operation() { in_operation_.store(false, std::memory_order_relaxed); }
  bool in_operation() const { return in_operation_.load(std::memory_order_relaxed); }

 private:
  Rank rank_;
  int n_ranks_;
  std::atomic<bool> asked_{false};
  std::atomic<bool> in_operation_{false};
  mutable std::mutex mutex_;
  std::map<Rank, Rank> waits_;  ///< for whom, by who said it
};

}  // namespace stretto
