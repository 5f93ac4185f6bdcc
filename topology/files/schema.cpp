#include "topology/files/schema.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/machine.hpp"

namespace stretto::topology {
namespace {

/// All of the text, or nothing.
template <class T>
std::optional<T> parsed(std::string_view text, int base) {
  T value{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_hexadecimal(std::string_view text) { return text.starts_with("0x") || text.starts_with("0X"); }

std::optional<std::uint64_t> parsed_unsigned(std::string_view text) {
  return is_hexadecimal(text) ? parsed<std::uint64_t>(text.substr(2), 16) : parsed<std::uint64_t>(text, 10);
}

std::optional<double> parsed_decimal(std::string_view text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  return format("\"{}{}\"", printable(text.substr(0, kShown)), text.size() > kShown ? "..." : "");
}

}  // namespace

void FileNotes::refuse(const XmlElement& element, const std::string& why) const {
  throw Error(strettoInvalidArgument,
              format("topology file {}, line {}, <{}>: {}", file_name_, element.line, element.name, why));
}

void FileNotes::warn(const XmlElement& element, const std::string& kind, const std::string& what) {
  if (warnings_ == nullptr || !seen_.insert(kind).second) return;
  warnings_->push_back(format("topology file {}, line {}, <{}>: {}", file_name_, element.line, element.name, what));
}

void FileNotes::unknown_element(const XmlElement& element, const XmlElement& parent) {
  warn(element, parent.name + ">" + element.name, format("is not known in <{}> and left out", parent.name));
}

const std::string* Attributes::find(std::string_view name) {
  known_.insert(name);
  const std::string* value = element_.attribute(name);
  return value == nullptr || value->empty() ? nullptr : value;
}

void Attributes::refuse(std::string_view name, const std::string& value, const std::string& wanted) const {
  notes_.refuse(element_, format("{} is {}: give {}, or leave it out", name, quoted(value), wanted));
}

std::string Attributes::text(std::string_view name) {
  const std::string* value = find(name);
  return value == nullptr ? "" : *value;
}

std::optional<std::int64_t> Attributes::integer(std::string_view name, std::int64_t least, std::int64_t most) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::int64_t> result = parsed<std::int64_t>(*value, 10);
  if (const auto bits = parsed_unsigned(*value); is_hexadecimal(*value) && bits && *bits <= INT64_MAX) {
    result = static_cast<std::int64_t>(*bits);
  }
  if (!result || *result < least || *result > most) {
    refuse(name, *value, format("a whole number from {} to {}", least, most));
  }
  return result;
}

std::optional<std::int32_t> Attributes::number(std::string_view name, std::int32_t most) {
  const auto value = integer(name, -1, most);
  if (!value || *value < 0) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

std::optional<std::uint64_t> Attributes::unsigned64(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto result = parsed_unsigned(*value);
  if (!result) refuse(name, *value, "64 bits, as 0x and hexadecimal digits");
  return result;
}

std::optional<std::uint16_t> Attributes::id16(std::string_view name) {
  const auto value = integer(name, 0, UINT16_MAX);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

std::optional<bool> Attributes::flag(std::string_view name) {
  const auto value = integer(name, 0, 1);
  if (!value) return std::nullopt;
  return *value == 1;
}

std::optional<double> Attributes::decimal(std::string_view name, double most) {
  const std::string* value = find(name);
  if (value == nullptr) return std::nullopt;
  const auto result = parsed_decimal(*value);
  if (!result || std::signbit(*result) || *result > most) refuse(name, *value, format("a number from 0 to {}", most));
  return result;
}

std::optional<double> Attributes::gigatransfers(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr || value->empty() || value->starts_with("Unknown")) return std::nullopt;
  constexpr double kMost = 1024;
  constexpr std::string_view kUnit = " GT/s";
  // Files in use have "16 GT/s", "16.0 GT/s PCIe" and "32 GT/s PCIe/s".
  const std::size_t end = value->find(kUnit);
  const std::string_view words = end == value->npos ? "" : std::string_view(*value).substr(end + kUnit.size());
  const bool has_unit = end != value->npos && (words.empty() || words.front() == ' ');
  const auto result = has_unit ? parsed_decimal(std::string_view(*value).substr(0, end)) : std::nullopt;
  if (!result || *result <= 0 || *result > kMost) refuse(name, *value, "a lane's rate such as \"16.0 GT/s PCIe\"");
  return result;
}

std::vector<std::int32_t> Attributes::processors(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr) return {};
  constexpr std::int32_t kWordBits = 32;
  std::vector<std::uint32_t> words;  // the highest first
  for (std::string_view rest = *value;;) {
    const std::string_view word = rest.substr(0, rest.find(','));
    const auto bits = parsed<std::uint32_t>(word, 16);
    if (!bits || word.size() > 8 || words.size() >= kMostProcessors / kWordBits) {
      refuse(
          name, *value,
          format("words of up to 8 hexadecimal digits, parted by commas, for at most {} processors", kMostProcessors));
    }
    words.push_back(*bits);
    if (word.size() == rest.size()) break;
    rest.remove_prefix(word.size() + 1);
  }
  std::reverse(words.begin(), words.end());
  std::vector<std::int32_t> numbers;
  for (std::size_t i = 0; i < words.size(); ++i) {
    for (std::int32_t bit = 0; bit < kWordBits; ++bit) {
      if ((words[i] >> bit & 1U) != 0) numbers.push_back(static_cast<std::int32_t>(i) * kWordBits + bit);
    }
  }
  return numbers;
}

std::string Attributes::bus_id(std::string_view name) {
  const std::string* value = find(name);
  if (value == nullptr) return "";
  std::string result = canonical_bus_id(*value);
  if (result.empty()) refuse(name, *value, "a PCI address such as 0000:3b:00.0");
  return result;
}

void Attributes::ignore(std::initializer_list<std::string_view> names) { known_.insert(names); }

void Attributes::finish() {
  for (const XmlAttribute& each : element_.attributes) {
    if (known_.contains(each.name)) continue;
    notes_.warn(element_, element_.name + " " + each.name,
                format("the attribute {} is not known and left out", each.name));
  }
  if (element_.has_text) notes_.warn(element_, element_.name + " text", "holds text, which is left out");
}

}  // namespace stretto::topology
