// The words that leader and joiner exchange over the local socket before the memory is handed out, and the proof that
// both know the communicator's key. The key itself is never sent.
//
//   joiner -> leader   Hello      who I am, a nonce
//   leader -> joiner   Challenge  a nonce, the leader's proof over both nonces
//   joiner -> leader   Proof      the joiner's proof over both nonces
//   leader -> joiner   the memory
//   joiner -> leader   Mapped     one byte: I have mapped it
//
// A proof is a keyed hash (BLAKE2b of libsodium) over the role, both ranks, both nonces and the socket's name: it can
// be neither replayed nor reflected. Before all this each side has the kernel's word that the other is the same user.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/system.hpp"
#include "transports/transport.hpp"

namespace stretto::shm {

constexpr std::uint32_t kMagic = 0x6d687331;  // "1shm" in memory; changes with the protocol
using Nonce = std::array<std::byte, 32>;
using Proof = std::array<std::byte, 32>;
constexpr std::size_t kNameBytes = 32;

/// What describe() gives: read by ranks of the same host only, so the machine's byte order will do.
struct Address {
  std::uint32_t magic = kMagic;
  std::int32_t rank = -1;
  std::int32_t channels = 0;
  std::uint32_t slots = 0;
  std::uint64_t slot_bytes = 0;
  std::uint32_t first_position = 0;
  std::uint32_t reserved = 0;
  std::array<char, kNameBytes> name{};  ///< of the socket, should this rank be the leader: 128 random bits in hex
};
static_assert(sizeof(Address) == 64);

struct Hello {
  std::uint32_t magic = kMagic;
  std::int32_t rank = -1;
  Nonce nonce{};
};

struct Challenge {
  Nonce nonce{};
  Proof proof{};
};

/// What set-up needs on both sides. Wipes the key when it goes.
struct Party {
  System& system;
  Rank rank;  ///< this rank
  Rank leader;
  std::string name;  ///< of the leader's socket
  std::string host;  ///< for errors
  std::int64_t deadline_ns;
  std::array<std::byte, 32> key;
  std::size_t memory_bytes;

  Party(System& system_in, const TransportConfig& config, const Address& leader_address, std::size_t bytes);
  Party(const Party&) = delete;
  Party& operator=(const Party&) = delete;
  ~Party();

  enum class Role : std::uint8_t { leader = 1, joiner = 2 };
  Proof prove(Role role, Rank joiner, const Nonce& joiner_nonce, const Nonce& leader_nonce) const;
  Nonce make_nonce() const;
  Error error(strettoResult_t code, Rank peer, std::string text) const;
};

/// Compares in constant time.
bool equal(const Proof& a, const Proof& b);
std::array<char, kNameBytes> make_name(System& system);

/// A local socket with what is still to be sent, and what has come of the message being read.
class Wire {
 public:
  explicit Wire(Handle socket) : socket_(std::move(socket)) {}
  int id() const { return socket_.id(); }

  void queue(std::span<const std::byte> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
  /// ok when all that was queued is sent.
  IoStatus flush(System& system);
  /// ok when `message` is complete; it may take several calls, with the same span.
  IoStatus fill(System& system, std::span<std::byte> message);
  /// @param sending something is to be sent beside what is queued
  void watch(WaitSet& waits, bool sending = false);

 private:
  Handle socket_;
  std::vector<std::byte> out_;
  std::size_t in_bytes_ = 0;
};

}  // namespace stretto::shm
