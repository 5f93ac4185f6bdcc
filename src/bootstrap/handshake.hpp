// The keyed handshake: client and server each prove to know the id's key by answering the other's fresh challenge.
// The proofs cover all that both have said (role, ranks, number of ranks, versions), so none of it can be altered, and
// name the side, so none can be reflected. Who lacks the key learns two random numbers and a keyed hash.
//
//   client -> server   hello      magic, protocol, Introduction, client's nonce
//   server -> client   challenge  server's nonce, server's proof       | unsupported: protocol and version of the
//   server client -> server   proof      client's proof
// From then on both directions are sealed with keys of this connection.
#pragma once

#include <vector>

#include "base/error.hpp"
#include "bootstrap/channel.hpp"

namespace stretto {

enum class Role : std::uint8_t { rendezvous = 1, tree = 2 };

/// What a client says of itself. Only a server that has seen its proof may believe it.
struct Introduction {
  Role role = Role::rendezvous;
  std::int32_t version = STRETTO_VERSION;
  Rank rank = -1;    ///< the client
  Rank server = -1;  ///< whom it means to talk to; -1: the rendezvous
  std::int32_t n_ranks = 0;
};

enum class HandshakeStatus : std::uint8_t {
  pending,
  done,
  refused,  ///< for good: refusal() says why
  lost,     ///< the connection ended before the server proved anything; trying again may help
};

class ClientHandshake {
 public:
  ClientHandshake() = default;
  /// Queues the hello. @param where names the server in errors
  ClientHandshake(System& system, Channel& channel, const Key& key, const Introduction& me, std::string where);
  HandshakeStatus poll(Channel& channel);
  const ErrorInfo& refusal() const { return refusal_; }

 private:
  HandshakeStatus refuse(const char* field, std::string text);

  Key key_{};
  std::vector<std::byte> hello_;
  std::string where_;
  ErrorInfo refusal_;
};

class ServerHandshake {
 public:
  explicit ServerHandshake(const Key& key) : key_(key) {}
  /// refused and lost: close the connection, after flushing.
  HandshakeStatus poll(System& system, Channel& channel);
  const Introduction& introduction() const { return introduction_; }  ///< when done

 private:
  HandshakeStatus on_hello(System& system, Channel& channel, std::vector<std::byte> hello);

  Key key_{};
  std::vector<std::byte> hello_;
  Key nonce_{};
  Introduction introduction_;
};

}  // namespace stretto
