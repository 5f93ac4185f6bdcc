// Blocks of operations in flight on one GPU, in this process: which operations a new one has to wait for, so that all
// that runs at a time fits. A block of a collective waits for other GPUs, so one that finds no room may keep others
// waiting for ever. Pure: nothing is launched, asked or locked here; residency.hpp does.
//
// A block counts as a whole multiprocessor, however few threads it has: if fewer blocks than multiprocessors are
// resident, one of these is empty, and any block fits there. Shares of one would not add up so: small blocks spread
// out, and leave no whole one.
//
// A chain is a rank of a communicator: its operations run one after another, so the largest of those in flight counts.
// Chains of one group (ranks of one communicator on one GPU) wait for each other, and are never ordered.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <utility>
#include <vector>

namespace stretto {

class ResidencyLedger {
 public:
  using Chain = std::uint64_t;
  using Mark = void*;  ///< whatever tells the end of an operation
  enum class Regime : std::uint8_t {
    free,        ///< whatever the communicators launch fits: nothing is counted
    small_free,  ///< one block of each fits beside the largest operation: these are not counted
    counted,
  };
  enum class State : std::uint8_t {
    launching,  ///< about to have a mark
    launched,
    expected,  ///< of another rank of a communicator that has begun it here: room is kept for it
    unmarked,  ///< from a time when nothing was counted
  };
  struct Launch {
    Chain chain = 0;
    std::uint64_t stream = 0;
    std::uint32_t blocks = 1;
    std::uint64_t number = 0;   ///< of the operation in its communicator
    bool is_collective = true;  ///< all ranks launch it, by this number
    bool follows_own = true;    ///< its chain's earlier operations end before its blocks start
  };
  struct Operation {
    std::uint64_t id = 0;  ///< in the order of their beginnings on this GPU
    State state = State::launching;
    std::uint32_t blocks = 1;
    std::uint64_t stream = 0;
    std::uint64_t number = 0;
    Mark mark = nullptr;
  };
  struct Reference {
    Chain chain = 0;
    std::uint64_t id = 0;
    bool operator==(const Reference&) const = default;
  };
  struct Plan {
    std::vector<Reference> waits;  ///< one a chain at most
    bool fits = true;              ///< once they have ended; false: not before unmarked operations have
  };

  explicit ResidencyLedger(std::uint32_t capacity) : capacity_(capacity) {}

  /// @param most_blocks of one of its operations
  Chain add(std::uint64_t group, std::uint32_t most_blocks);
  /// Its operations with marks stay until they have ended.
  void remove(Chain chain);
  Regime regime() const;

  Plan plan(const Launch& launch) const;
  /// The operation as it was planned is about to be launched.
  std::uint64_t begin(const Launch& launch, std::span<const Reference> waits);
  void launched(Reference operation, Mark mark);
  /// It never was launched.
  void drop(Reference operation);
  /// @param number whatever tells its end
  void add_unmarked(Chain chain, std::uint32_t blocks, std::uint64_t number);
  /// nullptr: it has ended.
  const Operation* find(Reference operation) const;

  /// Asks of each chain's operations in order which have ended, up to the first that has not.
  template <typename HasEnded>
  void sweep(HasEnded has_ended);
  /// Of operations that have ended or are stood for by a later one, to be used again.
  std::vector<Mark> take_marks() { return std::exchange(free_marks_, {}); }

 private:
  /// More of a chain's are thrown together: waiting for the later one is right, too.
  static constexpr std::size_t kOperationsMost = 16;

  struct Line {
    std::uint64_t group = 0;
    std::uint32_t most_blocks = 1;
    bool removed = false;
    std::deque<Operation> operations;
  };
  struct Begun {
    std::vector<Reference> waits;
    std::size_t ranks_left = 0;
  };
  struct View;

  std::size_t siblings(const Line& line) const;
  View view_for(const Launch& launch) const;
  bool is_expected(const Launch& launch) const;
  std::uint32_t limit() const;
  void release(Mark mark) {
    if (mark != nullptr) free_marks_.push_back(mark);
  }
  void erase_empty();
  void shorten(Line& line);

  std::uint32_t capacity_;
  std::uint64_t next_chain_ = 1;
  std::uint64_t next_id_ = 1;
  std::map<Chain, Line> lines_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, Begun> begun_;  ///< by group and number, where ranks are to follow
  std::vector<Mark> free_marks_;
};

template <typename HasEnded>
void ResidencyLedger::sweep(HasEnded has_ended) {
  for (auto& [chain, line] : lines_) {
    std::deque<Operation>& all = line.operations;
    while (!all.empty() && (all.front().state == State::launched || all.front().state == State::unmarked) &&
           has_ended(chain, all.front())) {
      release(all.front().mark);
      all.pop_front();
    }
  }
  erase_empty();
}

}  // namespace stretto
