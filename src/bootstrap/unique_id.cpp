#include "bootstrap/unique_id.hpp"

#include <sodium.h>

#include <algorithm>
#include <cstring>

#include "base/error.hpp"
#include "base/wire.hpp"
#include "bootstrap/bootstrap.hpp"

namespace stretto {
namespace {

constexpr std::string_view magic = "strtoID";
constexpr std::uint8_t format_version = 1;
constexpr std::uint8_t named_version = 2;
constexpr std::size_t checksum_bytes = 8;
constexpr std::size_t body_bytes = STRETTO_UNIQUE_ID_BYTES - checksum_bytes;

using Body = std::array<std::byte, body_bytes>;

/// Not a proof of anything: it tells an id from bytes that were cut, mixed up or never filled in.
std::array<std::byte, checksum_bytes> checksum(const std::byte* body) {
  std::array<std::byte, 16> digest{};  // the least that the function gives
  crypto_generichash(reinterpret_cast<unsigned char*>(digest.data()), digest.size(),
                     reinterpret_cast<const unsigned char*>(body), body_bytes, nullptr, 0);
  std::array<std::byte, checksum_bytes> head{};
  std::copy_n(digest.begin(), head.size(), head.begin());
  return head;
}

strettoUniqueId seal(WireWriter& writer) {
  std::vector<std::byte> bytes = writer.take();
  STRETTO_ASSERT(bytes.size() <= body_bytes);
  bytes.resize(body_bytes);
  const auto sum = checksum(bytes.data());
  strettoUniqueId id;
  std::memcpy(id.internal, bytes.data(), body_bytes);
  std::memcpy(id.internal + body_bytes, sum.data(), sum.size());
  return id;
}

[[noreturn]] void refuse(const char* why) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = "id";
  info.text = std::string("the unique id is not valid: ") + why +
              "; pass all 128 bytes that strettoGetUniqueId wrote on one rank to every rank";
  throw Error(std::move(info));
}

}  // namespace

void require_crypto() {
  // Safe to call from several threads and more than once.
  if (sodium_init() < 0) throw Error(strettoSystemError, "libsodium cannot start: the system gives no random numbers");
}

strettoUniqueId encode_id(const IdContents& contents) {
  require_crypto();
  STRETTO_ASSERT(!contents.endpoints.empty() && contents.endpoints.size() <= unique_id_endpoints_max);
  WireWriter writer;
  for (const char c : magic) writer.number(c);
  writer.number(format_version);
  for (const std::byte b : contents.key) writer.number(b);
  writer.number(static_cast<std::uint8_t>(contents.endpoints.size()));
  for (const Endpoint& endpoint : contents.endpoints) {
    writer.number(static_cast<std::uint8_t>(endpoint.ipv6 ? 1 : 0));
    for (const std::uint8_t b : endpoint.address) writer.number(b);
    writer.number(endpoint.scope);
    writer.number(endpoint.port);
  }
  return seal(writer);
}

strettoUniqueId encode_named_id(const Key& digest) {
  require_crypto();
  WireWriter writer;
  for (const char c : magic) writer.number(c);
  writer.number(named_version);
  for (const std::byte b : digest) writer.number(b);
  return seal(writer);
}

std::optional<Key> digest_of_named_id(const strettoUniqueId& id) {
  require_crypto();
  Body body;
  std::memcpy(body.data(), id.internal, body_bytes);
  WireReader reader(body);
  for (const char c : magic) {
    if (reader.number<char>() != c) return std::nullopt;
  }
  const auto sum = checksum(body.data());
  if (reader.number<std::uint8_t>() != named_version) return std::nullopt;
  if (std::memcmp(sum.data(), id.internal + body_bytes, sum.size()) != 0) return std::nullopt;
  Key digest{};
  for (std::byte& b : digest) b = reader.number<std::byte>();
  return digest;
}

IdContents decode_id(const strettoUniqueId& id) {
  require_crypto();
  Body body;
  std::memcpy(body.data(), id.internal, body_bytes);
  WireReader reader(body);
  for (const char c : magic) {
    if (reader.number<char>() != c) refuse("it does not begin with the mark of an id");
  }
  const auto version = reader.number<std::uint8_t>();
  const auto sum = checksum(body.data());
  if (std::memcmp(sum.data(), id.internal + body_bytes, sum.size()) != 0) refuse("its checksum does not match");
  if (version != format_version) refuse("another version of stretto made it, in another format");
  IdContents contents;
  for (std::byte& b : contents.key) b = reader.number<std::byte>();
  const auto n_endpoints = reader.number<std::uint8_t>();
  if (n_endpoints == 0 || n_endpoints > unique_id_endpoints_max) refuse("it has no address");
  for (int i = 0; i < n_endpoints; ++i) {
    Endpoint endpoint;
    endpoint.ipv6 = reader.number<std::uint8_t>() != 0;
    for (std::uint8_t& b : endpoint.address) b = reader.number<std::uint8_t>();
    endpoint.scope = reader.number<std::uint32_t>();
    endpoint.port = reader.number<std::uint16_t>();
    contents.endpoints.push_back(endpoint);
  }
  return contents;
}

std::array<std::byte, 32> key_of(const strettoUniqueId& id) { return decode_id(id).key; }

}  // namespace stretto
