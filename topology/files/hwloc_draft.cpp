#include "topology/files/hwloc_draft.hpp"

#include <charconv>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::topology::hwloc {

std::optional<Processors> processors_of(const XmlElement& object, const FileNotes& notes) {
  const std::string* text = object.attribute("cpuset");
  if (text == nullptr || text->empty()) return std::nullopt;
  constexpr std::size_t kWordBits = 32;
  constexpr std::string_view kAllAbove = "0xf...f";
  const auto refuse = [&] {
    notes.refuse(object, format("cpuset is \"{}\": give words of 0x and up to 8 hexadecimal digits, parted by commas, "
                                "for at most {} processors",
                                printable(text->substr(0, 60)), kMostProcessors));
  };
  Processors result;
  std::size_t n_words = 0;
  std::string_view rest = *text;
  const bool all_above = rest.starts_with(kAllAbove);
  if (all_above) {
    rest.remove_prefix(kAllAbove.size());
    if (!rest.empty() && !rest.starts_with(',')) refuse();
    rest.remove_prefix(rest.empty() ? 0 : 1);
    if (text->size() == kAllAbove.size()) return result.set();
  }
  for (;;) {  // from the lowest, at the end
    const std::size_t comma = rest.rfind(',');
    std::string_view word = comma == rest.npos ? rest : rest.substr(comma + 1);
    const bool has_prefix = word.starts_with("0x");
    if (has_prefix) word.remove_prefix(2);
    std::uint32_t bits = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), bits, 16);
    const bool is_zero = word.empty() && !has_prefix;
    const bool is_word = error == std::errc{} && end == word.data() + word.size() && word.size() <= 8;
    if (!(is_zero || is_word) || n_words >= result.size() / kWordBits) refuse();
    for (std::size_t bit = 0; bits >> bit != 0; ++bit) {
      if ((bits >> bit & 1U) != 0) result.set(n_words * kWordBits + bit);
      if (bit == kWordBits - 1) break;
    }
    ++n_words;
    if (comma == rest.npos) break;
    rest = rest.substr(0, comma);
  }
  if (all_above) result |= ~Processors() << n_words * kWordBits;
  return result;
}

}  // namespace stretto::topology::hwloc
