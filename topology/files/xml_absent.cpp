// In place of xml_expat.cpp, where expat was not there when this was built.
#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {

bool has_xml_reader() noexcept { return false; }

XmlElement parse_xml(std::string_view, std::string_view file_name, const XmlLimits&) {
  throw Error(
      strettoUnsupported,
      format("topology file {}: this build of stretto has no XML reader: install libexpat1-dev and build it again",
             file_name));
}

}  // namespace stretto::topology
