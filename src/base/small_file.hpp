// Files that are read whole, or replaced whole. What goes wrong is an errno; words for it are the caller's, who knows
// what the file is for.
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace stretto {

class InputFile {
 public:
  /// Does not wait, not for a pipe that nobody writes to, either: is_regular() is asked before read().
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  /// Why it could not be opened, or looked at; 0: it was.
  int error() const { return error_; }
  /// Of the open file, not of the path, which may name another one by now.
  const struct stat& facts() const { return facts_; }
  bool is_regular() const { return S_ISREG(facts_.st_mode); }
  /// All of it; of more than `most` bytes, some more than that. Nothing: errno says why.
  std::optional<std::string> read(std::size_t most) const;

 private:
  int descriptor_;
  int error_ = 0;
  struct stat facts_ {};
};

/// Others see the file as it was, or all of the text: it is written beside it, to disk, and takes its place. Why that
/// could not be; 0: it is done. Nothing is left behind.
int replace_file(const std::string& path, std::string_view text, mode_t mode);

}  // namespace stretto
