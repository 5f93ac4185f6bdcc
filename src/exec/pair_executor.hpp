// Runs what goes between pairs of ranks: sends and receives, and all-to-all with counts of its own. Each pair's plan is
// a function of that pair's bytes alone, and always the same: chunk after chunk, the sender waits for a credit, puts
// and signals, and at the end waits until all is drained; the receiver waits, gets and releases. Messages of a pair go
// one after the other, pairs side by side: no connection is used by two of them, so no pair can hold up another.
//
// Like HostExecutor a non-blocking state machine: begin() and add(), then poll() until it is not running. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/error.hpp"
#include "exec/host_executor.hpp"

namespace stretto {

/// One message, from or to memory of the caller's.
struct Transfer {
  Rank peer = -1;
  bool sends = false;
  std::byte* memory = nullptr;  ///< of a send: only read
  std::size_t bytes = 0;
  OpTag tag;
};

class PairExecutor {
 public:
  PairExecutor(Rank rank, int n_ranks, PortSource ports, std::size_t slot_bytes);

  /// `operation` is for errors and logs.
  void begin(std::uint64_t operation);
  /// To or from another rank. Before the first poll().
  void add(const Transfer& transfer);
  Progress poll();
  const ErrorInfo& fault() const { return fault_; }
  std::vector<Blocked> blocked() const;
  void give_up();
  std::uint64_t steps() const { return steps_; }
  void set_log(StepLog* log) { log_ = log; }

 private:
  /// One direction of one pair.
  struct Lane {
    Rank peer = -1;
    bool sends = false;
    SendPort* send = nullptr;
    ReceivePort* receive = nullptr;
    std::vector<Transfer> queue;
    std::size_t current = 0;  ///< of the queue
    std::size_t round = 0;
    bool active = false;
    ChannelGeometry geometry;  ///< of the current transfer, in bytes
  };

  Lane& lane_of(const Transfer& transfer);
  void next_transfer(Lane& lane) const;
  bool advance(Lane& lane);
  bool send_chunk(Lane& lane, const Transfer& transfer);
  bool receive_chunk(Lane& lane, const Transfer& transfer);
  bool accept(const Lane& lane, const Transfer& transfer, std::size_t expected_bytes);
  void refuse(const Lane& lane, const Transfer& transfer, strettoResult_t code, const char* field, std::string text);
  void record(const Lane& lane, std::initializer_list<StepKind> kinds);

  Rank rank_;
  PortSource ports_;
  std::size_t slot_bytes_;
  std::vector<Lane> lanes_;          ///< [peer * 2 + sends]
  std::vector<std::size_t> active_;  ///< of lanes_, in the order in which they came up
  std::uint64_t operation_ = 0;
  std::uint64_t steps_ = 0;
  ErrorInfo fault_;
  bool faulted_ = false;
  StepLog* log_ = nullptr;
};

}  // namespace stretto
