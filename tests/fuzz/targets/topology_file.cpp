// Topology files, NCCL's and hwloc's. Whatever the bytes are, they are refused with a text that names the file, or
// read; what is read is written so that it reads the same, and can be merged and drawn.
#include <string>

#include "fuzz.hpp"
#include "topology/files/machine_file.hpp"
#include "topology/files/machine_svg.hpp"
#include "topology/files/machine_text.hpp"
#include "topology/files/nccl_xml.hpp"
#include "topology/files/xml.hpp"
#include "topology/graph/merge.hpp"

namespace stretto::fuzz {
namespace {

using namespace topology;

void check_machine(const Machine& machine) {
  const std::string text = write_nccl_xml(machine);
  std::vector<std::string> warnings;
  const Machine again = read_nccl_xml(text, "written", &warnings);
  STRETTO_ASSERT(again == machine);
  for (const std::string& warning : warnings) {  // bus ids may be shared, and so are they written
    STRETTO_ASSERT(warning.ends_with("is taken for another function"));
  }
  STRETTO_ASSERT(write_nccl_xml(again) == text);
  const Machine merged = merge(machine, again);
  STRETTO_ASSERT(merged.nodes().size() == machine.nodes().size() && merged.links() == machine.links());
  STRETTO_ASSERT(!machine_to_text(machine, "fuzz").empty() && !machine_to_json(machine).empty());
  const XmlElement picture = parse_xml(machine_to_svg(machine, "fuzz"), "picture");
  STRETTO_ASSERT(picture.name == "svg");
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto;
  try {
    std::vector<std::string> warnings;
    const auto machine = topology::read_machine({reinterpret_cast<const char*>(data), size}, "fuzz.xml", &warnings);
    for (const std::string& warning : warnings) STRETTO_ASSERT(warning.starts_with("topology file fuzz.xml, line "));
    fuzz::check_machine(machine);
  } catch (const Error& error) {
    STRETTO_ASSERT(error.info().code == strettoInvalidArgument &&
                   error.info().text.starts_with("topology file fuzz.xml"));
  }
  return 0;
}
