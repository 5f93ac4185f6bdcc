// An element of a topology file with typed access to its attributes; whoever asks for an attribute makes it known, and
// what nobody has asked for is reported at the end. Messages name file, line and element.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "topology/files/xml.hpp"

namespace stretto::topology {

/// Of one file: its name, and what was left out of it, each kind once.
class FileNotes {
 public:
  FileNotes(std::string_view file_name, std::vector<std::string>* warnings)
      : file_name_(file_name), warnings_(warnings) {}

  [[noreturn]] void refuse(const XmlElement& element, const std::string& why) const;
  /// Once for each `kind`.
  void warn(const XmlElement& element, const std::string& kind, const std::string& what);
  void unknown_element(const XmlElement& element, const XmlElement& parent);

 private:
  std::string file_name_;
  std::vector<std::string>* warnings_;
  std::set<std::string> seen_;
};

/// Reads the attributes of one element. Numbers are decimal, or hexadecimal after 0x; an empty value is none.
class Attributes {
 public:
  Attributes(const XmlElement& element, FileNotes& notes) : element_(element), notes_(notes) {}

  std::string text(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t least, std::int64_t most);
  /// The same; -1 is none.
  std::optional<std::int32_t> number(std::string_view name, std::int32_t most = INT32_MAX);
  std::optional<std::uint64_t> unsigned64(std::string_view name);
  std::optional<std::uint16_t> id16(std::string_view name);
  std::optional<bool> flag(std::string_view name);
  std::optional<double> decimal(std::string_view name, double most);
  /// "16 GT/s", "32.0 GT/s PCIe"; "Unknown" is none.
  std::optional<double> gigatransfers(std::string_view name);
  /// "00ff,ff000000": a bit a processor, in words of 32 bits, the highest first.
  std::vector<std::int32_t> processors(std::string_view name);
  /// In its canonical form. "" only where it is absent or empty.
  std::string bus_id(std::string_view name);
  /// That are there for others, and say nothing here.
  void ignore(std::initializer_list<std::string_view> names);
  /// Warns of attributes that nobody has asked for, and of text.
  void finish();

 private:
  const std::string* find(std::string_view name);
  [[noreturn]] void refuse(std::string_view name, const std::string& value, const std::string& wanted) const;

  const XmlElement& element_;
  FileNotes& notes_;
  std::set<std::string_view> known_;
};

}  // namespace stretto::topology
