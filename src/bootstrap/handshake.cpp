#include "bootstrap/handshake.hpp"

#include <sodium.h>

#include <string_view>

#include "base/text.hpp"
#include "base/wire.hpp"

namespace stretto {
namespace {

constexpr std::string_view magic = "strettoH";
constexpr std::uint16_t protocol = 1;

enum class Type : std::uint8_t { hello = 1, challenge = 2, proof = 3, unsupported = 4 };

/// A hash of `label` and the transcript that only holders of `key` can make.
Key keyed_hash(const Key& key, std::string_view label, std::span<const std::byte> hello, const Key& server_nonce) {
  crypto_generichash_state state;
  const auto raw = [](const auto& bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); };
  Key hash{};
  crypto_generichash_init(&state, raw(key), key.size(), hash.size());
  // Hello and nonce have fixed sizes, and no label is a prefix of another, so the parts cannot be confused.
  crypto_generichash_update(&state, raw(label), label.size());
  crypto_generichash_update(&state, raw(hello), hello.size());
  crypto_generichash_update(&state, raw(server_nonce), server_nonce.size());
  crypto_generichash_final(&state, reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  return hash;
}

constexpr std::string_view server_proof_label = "stretto: the server knows the key";
constexpr std::string_view client_proof_label = "stretto: the client knows the key";
constexpr std::string_view to_server_label = "stretto: sealed to the server";
constexpr std::string_view to_client_label = "stretto: sealed to the client";

bool same(const Key& a, const Key& b) { return sodium_memcmp(a.data(), b.data(), a.size()) == 0; }

void put(WireWriter& writer, const Key& key) {
  for (const std::byte b : key) writer.number(b);
}

Key get(WireReader& reader) {
  Key key{};
  for (std::byte& b : key) b = reader.number<std::byte>();
  return key;
}

}  // namespace

ClientHandshake::ClientHandshake(System& system, Channel& channel, const Key& key, const Introduction& me,
                                 std::string where)
    : key_(key), where_(std::move(where)) {
  Key nonce{};
  system.fill_random(nonce);
  WireWriter writer;
  writer.number(Type::hello);
  for (const char c : magic) writer.number(c);
  writer.number(protocol);
  writer.number(me.role);
  writer.number(me.version);
  writer.number(me.rank);
  writer.number(me.server);
  writer.number(me.n_ranks);
  put(writer, nonce);
  hello_ = writer.take();
  channel.send(hello_);
}

HandshakeStatus ClientHandshake::refuse(const char* field, std::string text) {
  refusal_.code = strettoInvalidUsage;
  refusal_.field = field;
  refusal_.text = std::move(text);
  return HandshakeStatus::refused;
}

HandshakeStatus ClientHandshake::poll(Channel& channel) {
  const auto frame = channel.take_frame();
  if (!frame) {
    if (!channel.ended()) return HandshakeStatus::pending;
    if (channel.failure().empty() || channel.bytes_received() == 0) return HandshakeStatus::lost;
    return refuse("id", format("what answers at {} does not speak stretto's protocol ({}): another program has the "
                               "port, or the id is of an older run",
                               where_, channel.failure()));
  }
  try {
    WireReader reader(*frame);
    const auto type = reader.number<Type>();
    if (type == Type::unsupported) {
      const auto their_protocol = reader.number<std::uint16_t>();
      const auto their_version = reader.number<std::int32_t>();
      return refuse("version",
                    format("{} runs version {} of stretto (protocol {}), this rank {} (protocol {}): install "
                           "the same version everywhere",
                           where_, their_version, their_protocol, STRETTO_VERSION, protocol));
    }
    if (type == Type::challenge) {
      const Key nonce = get(reader);
      const Key proof = get(reader);
      if (!same(proof, keyed_hash(key_, server_proof_label, hello_, nonce))) {
        return refuse("id", format("what answers at {} does not know this id's key: the id is of another run, or its "
                                   "port has been taken over by another job; pass the same id to every rank",
                                   where_));
      }
      WireWriter writer;
      writer.number(Type::proof);
      put(writer, keyed_hash(key_, client_proof_label, hello_, nonce));
      channel.send(writer.take());
      channel.seal(keyed_hash(key_, to_server_label, hello_, nonce), keyed_hash(key_, to_client_label, hello_, nonce));
      return HandshakeStatus::done;
    }
  } catch (const Error&) {  // too short
  }
  return refuse("id", format("what answers at {} does not speak stretto's protocol: another program has the port, or "
                             "the id is of an older run",
                             where_));
}

HandshakeStatus ServerHandshake::on_hello(System& system, Channel& channel, std::vector<std::byte> hello) {
  WireReader reader(hello);
  if (reader.number<Type>() != Type::hello) return HandshakeStatus::refused;
  for (const char c : magic) {
    if (reader.number<char>() != c) return HandshakeStatus::refused;
  }
  WireWriter writer;
  if (reader.number<std::uint16_t>() != protocol) {
    writer.number(Type::unsupported);
    writer.number(protocol);
    writer.number(std::int32_t{STRETTO_VERSION});
    channel.send(writer.take());
    return HandshakeStatus::refused;
  }
  introduction_.role = reader.number<Role>();
  introduction_.version = reader.number<std::int32_t>();
  introduction_.rank = reader.number<Rank>();
  introduction_.server = reader.number<Rank>();
  introduction_.n_ranks = reader.number<std::int32_t>();
  get(reader);
  if (!reader.at_end()) return HandshakeStatus::refused;
  hello_ = std::move(hello);
  system.fill_random(nonce_);
  writer.number(Type::challenge);
  put(writer, nonce_);
  put(writer, keyed_hash(key_, server_proof_label, hello_, nonce_));
  channel.send(writer.take());
  return HandshakeStatus::pending;
}

HandshakeStatus ServerHandshake::poll(System& system, Channel& channel) {
  const auto frame = channel.take_frame();
  if (!frame) return channel.ended() ? HandshakeStatus::lost : HandshakeStatus::pending;
  try {
    if (hello_.empty()) return on_hello(system, channel, *frame);
    WireReader reader(*frame);
    if (reader.number<Type>() != Type::proof) return HandshakeStatus::refused;
    const Key proof = get(reader);
    if (!reader.at_end() || !same(proof, keyed_hash(key_, client_proof_label, hello_, nonce_)))
      return HandshakeStatus::refused;
  } catch (const Error&) {  // too short, or no randomness
    return HandshakeStatus::refused;
  }
  channel.seal(keyed_hash(key_, to_client_label, hello_, nonce_), keyed_hash(key_, to_server_label, hello_, nonce_));
  return HandshakeStatus::done;
}

}  // namespace stretto
