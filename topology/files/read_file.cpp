#include "topology/files/read_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

[[noreturn]] void refuse(std::string_view what, const std::string& path, const std::string& why) {
  throw Error(strettoInvalidArgument, format("{} {}: {}", what, path, why));
}

class Descriptor {
 public:
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

}  // namespace

std::string read_file(const std::string& path, std::string_view what) {
  const Descriptor file(path);
  if (file.number() < 0)
    refuse(what, path, format("cannot be opened ({}): check the name and who may read it", std::strerror(errno)));
  struct stat facts {};
  if (fstat(file.number(), &facts) != 0) refuse(what, path, format("cannot be looked at ({})", std::strerror(errno)));
  if (!S_ISREG(facts.st_mode)) refuse(what, path, "is no regular file: write what it gives into one");
  constexpr std::size_t kMost = XmlLimits{}.bytes;
  std::string text;
  std::size_t length = 0;
  for (;;) {
    constexpr std::size_t kPiece = 65536;
    text.resize(length + kPiece);
    const ssize_t n = read(file.number(), text.data() + length, kPiece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse(what, path, format("cannot be read ({})", std::strerror(errno)));
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
    if (length > kMost) refuse(what, path, format("has more than {} bytes: no such file is that large", kMost));
  }
  text.resize(length);
  return text;
}

}  // namespace stretto::topology
