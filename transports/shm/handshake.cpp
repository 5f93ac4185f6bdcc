#include "transports/shm/handshake.hpp"

#include <sodium.h>

#include <cstring>

namespace stretto::shm {
namespace {

unsigned char* as_chars(std::byte* bytes) { return reinterpret_cast<unsigned char*>(bytes); }
const unsigned char* as_chars(const std::byte* bytes) { return reinterpret_cast<const unsigned char*>(bytes); }

/// A key for this purpose alone, so that no proof made here means anything elsewhere.
std::array<std::byte, 32> derive_key(std::span<const std::byte> secret) {
  static constexpr char kPurpose[] = "stretto shm set-up";
  std::array<std::byte, 32> key{};
  crypto_generichash_state state;
  crypto_generichash_init(&state, nullptr, 0, key.size());
  crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(kPurpose), sizeof(kPurpose));
  crypto_generichash_update(&state, as_chars(secret.data()), secret.size());
  crypto_generichash_final(&state, as_chars(key.data()), key.size());
  sodium_memzero(&state, sizeof(state));
  return key;
}

}  // namespace

Party::Party(System& system_in, const TransportConfig& config, const Address& leader_address, std::size_t bytes)
    : system(system_in),
      rank(config.rank),
      leader(leader_address.rank),
      name(leader_address.name.data(), leader_address.name.size()),
      host(system_in.identity().host_name),
      deadline_ns(config.deadline_ns),
      key(derive_key(config.key)),
      memory_bytes(bytes) {}

Party::~Party() { sodium_memzero(key.data(), key.size()); }

Proof Party::prove(Role role, Rank joiner, const Nonce& joiner_nonce, const Nonce& leader_nonce) const {
  struct {
    std::uint32_t role;
    std::int32_t leader;
    std::int32_t joiner;
    Nonce joiner_nonce;
    Nonce leader_nonce;
    std::array<char, kNameBytes> name;
  } said{static_cast<std::uint32_t>(role), leader, joiner, joiner_nonce, leader_nonce, {}};
  static_assert(sizeof(said) == 12 + 2 * sizeof(Nonce) + kNameBytes);  // no padding: every byte is hashed
  std::memcpy(said.name.data(), name.data(), said.name.size());
  Proof proof{};
  crypto_generichash(as_chars(proof.data()), proof.size(), reinterpret_cast<const unsigned char*>(&said), sizeof(said),
                     as_chars(key.data()), key.size());
  return proof;
}

Nonce Party::make_nonce() const {
  Nonce nonce;
  system.fill_random(nonce);
  return nonce;
}

Error Party::error(strettoResult_t code, Rank peer, std::string text) const {
  ErrorInfo info;
  info.code = code;
  info.rank = rank;
  info.peer = peer;
  info.host = host;
  info.name = "shared memory";
  info.text = std::move(text);
  return Error(std::move(info));
}

bool equal(const Proof& a, const Proof& b) { return sodium_memcmp(a.data(), b.data(), a.size()) == 0; }

std::array<char, kNameBytes> make_name(System& system) {
  std::array<std::byte, kNameBytes / 2> random;
  system.fill_random(random);
  std::array<char, kNameBytes> name;
  for (std::size_t i = 0; i < random.size(); ++i) {
    const auto value = std::to_integer<unsigned>(random[i]);
    name[2 * i] = "0123456789abcdef"[value >> 4];
    name[2 * i + 1] = "0123456789abcdef"[value & 15];
  }
  return name;
}

IoStatus Wire::flush(System& system) {
  while (!out_.empty()) {
    const IoResult result = system.send(socket_.id(), out_);
    if (result.status != IoStatus::ok) return result.status;
    if (result.bytes == 0) return IoStatus::would_block;
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(result.bytes));
  }
  return IoStatus::ok;
}

IoStatus Wire::fill(System& system, std::span<std::byte> message) {
  while (in_bytes_ < message.size()) {
    const IoResult result = system.receive(socket_.id(), message.subspan(in_bytes_));
    if (result.status != IoStatus::ok) return result.status;
    if (result.bytes == 0) return IoStatus::would_block;
    in_bytes_ += result.bytes;
  }
  in_bytes_ = 0;
  return IoStatus::ok;
}

void Wire::watch(WaitSet& waits, bool sending) {
  const bool writes = sending || !out_.empty();
  waits.watch(socket_.id(), static_cast<std::uint8_t>(WaitSet::readable | (writes ? WaitSet::writable : 0)));
}

}  // namespace stretto::shm
