#include "bootstrap/job_key.hpp"

#include <sodium.h>

#include <cstring>

#include "base/text.hpp"

namespace stretto {
namespace {

const unsigned char* raw(std::span<const std::byte> bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

/// Every part with its length, so that no two different jobs give the same text.
std::string part(std::string_view text) { return format("{}:{};", text.size(), text); }

std::string parts(const std::vector<std::string>& words) {
  std::string result = format("{};", words.size());
  for (const std::string& word : words) result += part(word);
  return result;
}

std::string told(std::string_view label, const Launch& launch, std::uint64_t call) {
  return format("{}{}{};{}", part(label), part(launch.launcher), call, parts(launch.job));
}

/// A hash that only holders of the secret can make. The hash function takes keys of 64 bytes at most, so the secret
/// becomes one of fixed size first.
Key hash(const std::string& message, std::span<const std::byte> secret) {
  require_crypto();
  Key key{};
  crypto_generichash(reinterpret_cast<unsigned char*>(key.data()), key.size(), raw(secret), secret.size(), nullptr, 0);
  Key result{};
  crypto_generichash(reinterpret_cast<unsigned char*>(result.data()), result.size(),
                     raw(std::as_bytes(std::span(message))), message.size(), raw(key), key.size());
  sodium_memzero(key.data(), key.size());
  return result;
}

std::string name_of(const Key& hashed) {
  std::string name = "stretto-";
  for (const std::byte b : hashed) name += format("{:02x}", std::to_integer<unsigned>(b));
  return name;
}

}  // namespace

std::string meeting_name(const Launch& launch, std::uint64_t call, const std::string& ancestor, std::uint32_t user,
                         std::span<const std::byte> secret) {
  const std::string message = told("stretto: meeting of a job on a host", launch, call) + parts(launch.job_on_host) +
                              part(ancestor) + format("{};", user);
  return name_of(hash(message, secret));
}

Key job_key(const Launch& launch, std::uint64_t call, std::span<const std::byte> secret) {
  STRETTO_ASSERT(!secret.empty());
  return hash(told("stretto: key of a job's ranks", launch, call), secret);
}

std::string reunion_name(const Key& key, Rank host) {
  return name_of(hash(format("{}{};", part("stretto: meeting of those who are left"), host), key));
}

Key name_digest(const std::string& name, std::span<const std::byte> secret) {
  return hash(part("stretto: id that is a name") + part(name), secret);
}

std::string named_meeting(const Key& digest, std::uint32_t user) {
  return name_of(hash(format("{}{};", part("stretto: meeting of a name's ranks"), user), digest));
}

std::uint32_t members_digest(const Key& key, const std::vector<Rank>& members) {
  std::string message = part("stretto: those who are left");
  for (const Rank member : members) message += format("{};", member);
  const Key hashed = hash(message, key);
  std::uint32_t digest = 0;
  std::memcpy(&digest, hashed.data(), sizeof digest);
  return digest;
}

}  // namespace stretto
