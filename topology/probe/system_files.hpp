// Small files of /sys and /proc, below a root that tests choose. Nothing throws, and all that is read is bounded: what
// lies there need not be what the kernel's documents say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stretto::topology {

class SystemFiles {
 public:
  static constexpr std::size_t kMostBytes = 4096;    ///< of a file
  static constexpr std::size_t kMostNames = 65'536;  ///< of a directory

  explicit SystemFiles(std::string_view root);

  /// Its contents without white space at the end; nothing if it cannot be read, is empty or longer than kMostBytes.
  std::optional<std::string> text(const std::string& path) const;
  /// Its first kMostBytes; "" if it cannot be read.
  std::string head(const std::string& path) const;
  /// A file that is a number: decimal, or hexadecimal with 0x.
  std::optional<std::int64_t> number(const std::string& path) const;
  /// The same, if it lies in 0 to 2^31 - 1: the kernel writes -1 for "not known".
  std::optional<std::int32_t> count(const std::string& path) const;

  bool exists(const std::string& path) const;
  /// Entries of a directory in order, without those that begin with a dot; at most kMostNames. Empty if it is none.
  std::vector<std::string> names(const std::string& path) const;
  /// The path without symbolic links, and without the root; "": it leads nowhere.
  std::string real_path(const std::string& path) const;

 private:
  std::string root_;
};

std::optional<std::int64_t> parse_number(std::string_view text);

/// The bus ids in a path below /sys/devices, from the root bus down.
std::vector<std::string> bus_ids_of(std::string_view path);

}  // namespace stretto::topology
