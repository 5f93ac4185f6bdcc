#include "topology/files/machine_file.hpp"

#include <sys/stat.h>

#include <cstring>

#include "base/error.hpp"
#include "base/small_file.hpp"
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
  constexpr mode_t kReadable = 0644;
  if (const int why = replace_file(path, write_nccl_xml(machine), kReadable); why != 0) {
    cannot_write(path, std::strerror(why));
  }
}

}  // namespace stretto::topology
