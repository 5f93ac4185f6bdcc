#include "topology/files/machine_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/hwloc_xml.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/read_file.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {
namespace {

[[noreturn]] void cannot_write(const std::string& path, const std::string& why) {
  throw Error(strettoSystemError, format("topology file {}: cannot be written ({})", path, why));
}

/// Beside the file that it is to become. Gone with this object, unless it has become it.
class NewFile {
 public:
  explicit NewFile(const std::string& path) : path_(path), name_(path + ".XXXXXX") {
    descriptor_ = mkostemp(name_.data(), O_CLOEXEC);
    if (descriptor_ < 0) cannot_write(path_, std::strerror(errno));
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) close(descriptor_);
    if (!done_) unlink(name_.c_str());
  }

  void write_all(std::string_view text) {
    while (!text.empty()) {
      const ssize_t n = write(descriptor_, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) cannot_write(path_, std::strerror(errno));
      text.remove_prefix(static_cast<std::size_t>(n));
    }
  }

  void take_place() {
    constexpr mode_t kReadable = 0644;
    if (fchmod(descriptor_, kReadable) != 0) cannot_write(path_, std::strerror(errno));
    // Some file systems say only now that there is no room.
    if (close(std::exchange(descriptor_, -1)) != 0) cannot_write(path_, std::strerror(errno));
    if (rename(name_.c_str(), path_.c_str()) != 0) cannot_write(path_, std::strerror(errno));
    done_ = true;
  }

 private:
  std::string path_;
  std::string name_;
  int descriptor_ = -1;
  bool done_ = false;
};

}  // namespace

Machine read_machine(std::string_view text, std::string_view file_name, std::vector<std::string>* warnings) {
  XmlLimits limits;
  limits.document_type = kHwlocRoot;
  const XmlElement root = parse_xml(text, file_name, limits);
  if (root.name == kHwlocRoot) return read_hwloc_xml(root, file_name, warnings);
  if (root.name == "system") return read_nccl_xml(root, file_name, warnings);
  throw Error(strettoInvalidArgument,
              format("topology file {}, line {}, <{}>: is neither the <system> of NCCL's topology files nor the "
                     "<topology> of hwloc's: give one that NCCL_TOPO_DUMP_FILE or `lstopo --of xml` wrote",
                     file_name, root.line, printable(root.name.substr(0, 60))));
}

Machine read_machine_file(const std::string& path, std::vector<std::string>* warnings) {
  return read_machine(read_file(path), path, warnings);
}

void write_machine_file(const std::string& path, const Machine& machine) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) == 0 && !S_ISREG(facts.st_mode)) cannot_write(path, "it is no regular file");
  NewFile file(path);
  file.write_all(write_nccl_xml(machine));
  file.take_place();
}

}  // namespace stretto::topology
