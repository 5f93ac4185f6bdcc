// An outgoing connection to a member: tries the addresses in turn, again and again, until one is connected and has
// passed the keyed handshake. Whoever dials bounds it by a deadline.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/handshake.hpp"

namespace stretto {

class Dial {
 public:
  Dial(System& system, std::vector<Endpoint> addresses, const Key& key, const Introduction& me);

  /// True when the channel stands. Throws Error where trying again cannot help: the other side lacks the key or is of
  /// another version, or this process has no descriptors left.
  bool poll();
  Channel take() { return std::move(channel_); }
  /// This side's address on the way to the other.
  const Endpoint& local_endpoint() const { return local_; }

  void watch(WaitSet& waits);
  std::int64_t next_deadline_ns() const { return next_ns_; }
  /// "127.0.0.1:4000 (Connection refused)": whom, and what came of it so far.
  std::string trouble() const;

 private:
  enum class Stage : std::uint8_t { idle, connecting, shaking };

  void start();
  void again(std::string why);

  System& system_;
  std::vector<Endpoint> addresses_;
  Key key_;
  Introduction me_;
  Stage stage_ = Stage::idle;
  std::size_t attempts_ = 0;
  std::int64_t next_ns_ = 0;  ///< of the next attempt when idle, else the end of this one
  std::string last_trouble_;
  Handle socket_;  ///< while connecting
  Endpoint local_;
  Channel channel_;
  ClientHandshake handshake_;
};

}  // namespace stretto
