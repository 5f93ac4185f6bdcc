// In place of xml_expat.cpp, where expat was not there when this was built.
#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/xml.hpp"

namespace stretto::topology {

bool has_xml_reader() noexcept { return false; }

XmlElement parse_xml(std::string_view, std::string_view file_name, const XmlLimits& limits) {
  throw Error(strettoUnsupported,
              format("{} {}: this build of stretto has no XML reader: install libexpat1-dev and build it again",
                     limits.what, file_name));
}

}  // namespace stretto::topology
