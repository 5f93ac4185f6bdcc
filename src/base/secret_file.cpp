#include "base/secret_file.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>

#include "base/error.hpp"
#include "base/small_file.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::size_t kLeastBytes = 16;
constexpr std::size_t kMostBytes = 4096;

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  ErrorInfo info;
  info.code = strettoInvalidArgument;
  info.field = "STRETTO_SECRET_FILE";
  info.name = "environment";
  info.text = format("STRETTO_SECRET_FILE={}: {}", path, why);
  throw Error(std::move(info));
}

void check_owner(const std::string& path, const InputFile& file) {
  const struct stat& facts = file.facts();
  if (!file.is_regular()) refuse(path, "is not a regular file");
  if (facts.st_uid != geteuid())
    refuse(path, format("belongs to user {}, and this process runs as user {}: it must be the same", facts.st_uid,
                        geteuid()));
  if ((facts.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    refuse(path, format("others than its owner have rights to it (mode {:03o}): chmod 600, and write a new secret if "
                        "somebody may have read it",
                        facts.st_mode & 0777U));
}

}  // namespace

std::vector<std::byte> read_secret_file(const std::string& path) {
  const InputFile file(path);
  if (file.error() != 0) refuse(path, format("cannot be opened: {}", std::strerror(file.error())));
  check_owner(path, file);
  const std::optional<std::string> text = file.read(kMostBytes);
  if (!text) refuse(path, format("cannot be read: {}", std::strerror(errno)));
  std::vector<std::byte> secret;
  std::ranges::transform(*text, std::back_inserter(secret), [](char c) { return static_cast<std::byte>(c); });
  std::size_t bytes = secret.size();
  const auto is_line_end = [](std::byte b) { return b == std::byte{'\n'} || b == std::byte{'\r'}; };
  while (bytes > 0 && is_line_end(secret[bytes - 1])) --bytes;
  if (bytes < kLeastBytes || bytes > kMostBytes)
    refuse(path,
           format("holds {} {} bytes: {} to {} are needed, of a random generator (head -c 32 /dev/urandom | "
                  "base64)",
                  bytes > kMostBytes ? "more than" : "only", std::min(bytes, kMostBytes), kLeastBytes, kMostBytes));
  secret.resize(bytes);
  return secret;
}

}  // namespace stretto
