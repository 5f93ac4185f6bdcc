// The three sides of the control plane that a hostile member can reach, each run as the input says.
#pragma once

#include "bootstrap/channel.hpp"
#include "bootstrap/handshake.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {

/// A rank in a communicator that stands, whose neighbours in the tree know the key and say anything.
void run_plane(Input& input);
/// The rendezvous, and members who know its key and say anything.
void run_rendezvous(Input& input);
/// A rank on its way in, whose rendezvous, parent and children know the key and say anything.
void run_bootstrap(Input& input);

/// One who knows the key: dials, introduces itself as it likes, and then speaks behind the seal.
class Intruder {
 public:
  Intruder(System& system, const Endpoint& address, const Key& key, const Introduction& me)
      : system_(system), key_(key), me_(me), socket_(system.connect_tcp(address)) {}

  /// True when it may speak.
  bool poll() {
    int os_error = 0;
    if (socket_ && system_.connect_status(socket_.id(), os_error) == ConnectStatus::connected) {
      channel_ = Channel(system_, std::move(socket_));
      handshake_ = ClientHandshake(system_, channel_, key_, me_, "there");
      greeted_ = true;
    }
    channel_.pump();
    if (greeted_ && !in_) in_ = handshake_.poll(channel_) == HandshakeStatus::done;
    if (in_) channel_.flush();
    return in_;
  }
  Channel& channel() { return channel_; }
  void hang_up() { channel_.close(); }

 private:
  System& system_;
  Key key_;
  Introduction me_;
  Handle socket_;  ///< while connecting
  Channel channel_;
  ClientHandshake handshake_;
  bool greeted_ = false;
  bool in_ = false;
};

inline Introduction some_introduction(Input& input, Role role, Rank server) {
  Introduction me;
  me.role = role;
  me.rank = some_rank(input);
  me.server = server;
  me.n_ranks = some_rank(input);
  if (input.ConsumeIntegralInRange(0, 31) == 0) me.version = input.ConsumeIntegral<std::int32_t>();
  return me;
}

}  // namespace stretto::fuzz
