#include "base/secret_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
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

class Descriptor {
 public:
  // Non-blocking: a pipe that nobody writes to must not hold this up; it is refused below.
  explicit Descriptor(const std::string& path) : number_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

/// Of the open file, not of the path, which may name another one by now.
void check_owner(const std::string& path, int descriptor) {
  struct stat facts {};
  if (fstat(descriptor, &facts) != 0) refuse(path, std::strerror(errno));
  if (!S_ISREG(facts.st_mode)) refuse(path, "is not a regular file");
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
  const Descriptor file(path);
  if (file.number() < 0) refuse(path, format("cannot be opened: {}", std::strerror(errno)));
  check_owner(path, file.number());
  std::vector<std::byte> secret(kMostBytes + 1);
  std::size_t bytes = 0;
  while (bytes < secret.size()) {
    const ssize_t got = read(file.number(), secret.data() + bytes, secret.size() - bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) refuse(path, format("cannot be read: {}", std::strerror(errno)));
    if (got == 0) break;
    bytes += static_cast<std::size_t>(got);
  }
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
