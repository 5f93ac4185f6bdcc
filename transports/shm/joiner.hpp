// The side of set-up of every rank but the leader: connects, proves who it is, has the leader prove the same, and maps
// the memory it is given. A non-blocking state machine.
#pragma once

#include <optional>

#include "transports/shm/handshake.hpp"

namespace stretto::shm {

class Joiner {
 public:
  explicit Joiner(const Party& party) : party_(party) {}

  /// True when the memory is mapped and the leader has been told. Throws Error naming the leader.
  bool poll();
  Mapping take_mapping() { return std::move(mapping_); }
  void watch(WaitSet& waits);
  /// Of the next attempt to connect, where there is one.
  std::int64_t next_deadline_ns() const;

 private:
  enum class State : std::uint8_t { connect, challenge, memory, confirm, finished };

  /// Each returns true when its state is over.
  bool connect();
  bool answer();
  bool receive_memory();
  void map(const Handle& memory);
  /// True for ok, false for would_block; throws for a connection that ended.
  bool went_through(IoStatus status) const;
  void check_deadline() const;

  const Party& party_;
  State state_ = State::connect;
  std::int64_t retry_ns_ = 0;
  std::int64_t retry_interval_ns_ = 0;
  Handle pending_;  ///< being connected
  std::optional<Wire> wire_;
  Hello hello_;
  Challenge challenge_;
  Mapping mapping_;
};

}  // namespace stretto::shm
