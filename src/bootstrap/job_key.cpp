#include "bootstrap/job_key.hpp"

#include <sodium.h>

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

}  // namespace

std::string meeting_name(const Launch& launch, std::uint64_t call, const std::string& ancestor, std::uint32_t user,
                         std::span<const std::byte> secret) {
  const std::string message = told("stretto: meeting of a job on a host", launch, call) + parts(launch.job_on_host) +
                              part(ancestor) + format("{};", user);
  std::string name = "stretto-";
  for (const std::byte b : hash(message, secret)) name += format("{:02x}", std::to_integer<unsigned>(b));
  return name;
}

Key job_key(const Launch& launch, std::uint64_t call, std::span<const std::byte> secret) {
  STRETTO_ASSERT(!secret.empty());
  return hash(told("stretto: key of a job's ranks", launch, call), secret);
}

}  // namespace stretto
