#include "topology/probe/system_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <limits>
#include <memory>

#include "topology/graph/machine.hpp"

namespace stretto::topology {
namespace {

constexpr std::string_view kWhiteSpace = " \t\r\n";

std::string resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real == nullptr ? std::string() : std::string(real.get());
}

/// Up to `most` bytes. O_NONBLOCK: what lies there may be a pipe that nobody writes to.
std::optional<std::string> read_bytes(const std::string& path, std::size_t most) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::nullopt;
  std::string bytes(most, '\0');
  std::size_t n = 0;
  bool is_good = true;
  while (n < most) {
    const ssize_t got = ::read(file, bytes.data() + n, most - n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) is_good = false;
    if (got <= 0) break;
    n += static_cast<std::size_t>(got);
  }
  ::close(file);
  if (!is_good) return std::nullopt;
  bytes.resize(n);
  return bytes;
}

}  // namespace

SystemFiles::SystemFiles(std::string_view root) : root_(root) {
  if (root_.empty()) return;
  if (std::string real = resolved(root_); !real.empty()) root_ = std::move(real);
  while (!root_.empty() && root_.back() == '/') root_.pop_back();
}

std::optional<std::string> SystemFiles::text(const std::string& path) const {
  std::optional<std::string> bytes = read_bytes(root_ + path, kMostBytes + 1);
  if (!bytes || bytes->size() > kMostBytes) return std::nullopt;
  bytes->resize(bytes->find_last_not_of(kWhiteSpace) + 1);  // npos + 1 is 0
  if (bytes->empty()) return std::nullopt;
  return bytes;
}

std::string SystemFiles::head(const std::string& path) const {
  return read_bytes(root_ + path, kMostBytes).value_or("");
}

std::optional<std::int64_t> SystemFiles::number(const std::string& path) const {
  const std::optional<std::string> line = text(path);
  return line ? parse_number(*line) : std::nullopt;
}

std::optional<std::int32_t> SystemFiles::count(const std::string& path) const {
  const std::optional<std::int64_t> value = number(path);
  if (!value || *value < 0 || *value > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

bool SystemFiles::exists(const std::string& path) const { return ::access((root_ + path).c_str(), F_OK) == 0; }

std::vector<std::string> SystemFiles::names(const std::string& path) const {
  std::vector<std::string> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir((root_ + path).c_str()), ::closedir);
  if (directory == nullptr) return found;
  while (found.size() < kMostNames) {
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] != '.') found.emplace_back(entry->d_name);
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string SystemFiles::real_path(const std::string& path) const {
  std::string real = resolved(root_ + path);
  if (real.compare(0, root_.size(), root_) != 0) return "";
  return real.substr(root_.size());
}

std::optional<std::int64_t> parse_number(std::string_view text) {
  const bool is_hexadecimal = text.size() > 2 && text.substr(0, 2) == "0x";
  if (is_hexadecimal) text.remove_prefix(2);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, is_hexadecimal ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> bus_ids_of(std::string_view path) {
  std::vector<std::string> ids;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (!part.empty() && canonical_bus_id(part) == part) ids.emplace_back(part);
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return ids;
}

}  // namespace stretto::topology
