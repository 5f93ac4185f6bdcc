#include "base/small_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace stretto {
namespace {

/// errno, or 0.
int write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

int write_draft(int descriptor, std::string_view text, mode_t mode) {
  if (const int why = write_all(descriptor, text); why != 0) return why;
  return fchmod(descriptor, mode) != 0 || fsync(descriptor) != 0 ? errno : 0;
}

}  // namespace

InputFile::InputFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_ < 0 || fstat(descriptor_, &facts_) != 0) error_ = errno;
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) close(descriptor_);
}

std::optional<std::string> InputFile::read(std::size_t most) const {
  constexpr std::size_t kPiece = 65536;
  std::string text;
  std::size_t length = 0;
  while (length <= most) {
    text.resize(length + std::min(kPiece, most + 1 - length));
    const ssize_t n = ::read(descriptor_, text.data() + length, text.size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    length += static_cast<std::size_t>(n);
  }
  text.resize(length);
  return text;
}

int replace_file(const std::string& path, std::string_view text, mode_t mode) {
  // A name of its own, so that two of them at once do not write into one another; beside it, so that rename() is one
  // step.
  std::string draft = path + ".XXXXXX";
  const int descriptor = mkostemp(draft.data(), O_CLOEXEC);
  if (descriptor < 0) return errno;
  int why = write_draft(descriptor, text, mode);
  // Some file systems say only now that there is no room.
  if (close(descriptor) != 0 && why == 0) why = errno;
  if (why == 0 && rename(draft.c_str(), path.c_str()) != 0) why = errno;
  if (why != 0) unlink(draft.c_str());
  return why;
}

}  // namespace stretto
