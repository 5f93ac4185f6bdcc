// Where this program lies: its tools and libraries are found from there.
#include <limits.h>
#include <unistd.h>

#include <array>

#include "base/error.hpp"
#include "frontends/cli/commands.hpp"

namespace stretto::cli {

std::string own_folder() {
  std::array<char, PATH_MAX> path{};
  const ssize_t length = readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) throw Error(strettoSystemError, "readlink(/proc/self/exe) failed: is /proc mounted?");
  const std::string self(path.data(), static_cast<std::size_t>(length));
  return self.substr(0, self.rfind('/'));
}

}  // namespace stretto::cli
