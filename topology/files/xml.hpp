// A small XML document with line numbers, read by expat within limits, and what text needs to be written as XML. Knows
// nothing of topologies. A build without expat has all of this but the reader: xml_expat.cpp or xml_absent.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stretto::topology {

/// Beyond these a file is refused before it costs memory or stack: machines of today stay far below.
struct XmlLimits {
  std::size_t bytes = std::size_t{16} << 20;
  std::size_t depth = 64;
  std::size_t elements = 100'000;
  std::size_t attributes = 64;              ///< of one element
  std::string_view what = "topology file";  ///< that is read, for messages
  /// The only document type that is let pass, if it has nothing but its name and where it lies; "": none.
  std::string_view document_type;
};

struct XmlAttribute {
  std::string name;
  std::string value;
};

struct XmlElement {
  std::string name;
  std::int64_t line = 0;
  std::vector<XmlAttribute> attributes;
  std::vector<XmlElement> children;
  bool has_text = false;  ///< other than white space, between its children

  /// nullptr: it has none.
  const std::string* attribute(std::string_view wanted) const;
};

/// Whether this build has expat.
bool has_xml_reader() noexcept;

/// The root element. Throws Error(strettoInvalidArgument) naming the file and the line: what is no well-formed XML,
/// what is beyond the limits, and a document type other than that which is let pass (entities are never expanded, nor
/// anything else opened).
XmlElement parse_xml(std::string_view text, std::string_view file_name, const XmlLimits& limits = {});

/// For an attribute's value or an element's text. What XML cannot hold (control characters, no UTF-8) becomes U+FFFD.
std::string xml_escaped(std::string_view text);

}  // namespace stretto::topology
