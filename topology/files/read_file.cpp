#include "topology/files/read_file.hpp"

#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.hpp"
#include "base/small_file.hpp"
#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

[[noreturn]] void refuse(std::string_view what, const std::string& path, const std::string& why) {
  throw Error(strettoInvalidArgument, format("{} {}: {}", what, path, why));
}

}  // namespace

std::string read_file(const std::string& path, std::string_view what) {
  const InputFile file(path);
  if (file.error() != 0) {
    refuse(what, path,
           format("cannot be opened ({}): check the name and who may read it", std::strerror(file.error())));
  }
  if (!file.is_regular()) refuse(what, path, "is no regular file: write what it gives into one");
  constexpr std::size_t kMost = XmlLimits{}.bytes;
  std::optional<std::string> text = file.read(kMost);
  if (!text) refuse(what, path, format("cannot be read ({})", std::strerror(errno)));
  if (text->size() > kMost) refuse(what, path, format("has more than {} bytes: no such file is that large", kMost));
  return *std::move(text);
}

}  // namespace stretto::topology
