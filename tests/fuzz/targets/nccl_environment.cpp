// NCCL's variables: lines NAME=value, then a line "--", then what is in NCCL's configuration file. Whatever they say,
// what they come to is good for stretto (a program that NCCL would run must not be refused for its environment), and
// each is said to be something, on one line.
#include "frontends/nccl/environment.hpp"

#include <algorithm>
#include <set>

#include "base/environment.hpp"
#include "comm/settings.hpp"
#include "fuzz.hpp"

namespace stretto::fuzz {
namespace {

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else if (c != 0) {  // which no variable holds
      lines.back() += c;
    }
  }
  // Values of stretto's own may be wrong, and are refused: that is the target `environment`.
  std::erase_if(lines, [](const std::string& line) { return line.starts_with("STRETTO_"); });
  return lines;
}

std::size_t n_variables(const std::vector<std::string>& entries, const std::vector<std::string>& file) {
  std::set<std::string> seen;
  std::size_t n = 0;
  for (const auto* from : {&entries, &file}) {
    for (const std::string& entry : *from) {
      const std::size_t equals = entry.find('=');
      if (equals == entry.npos || !entry.starts_with("NCCL_")) continue;
      if (seen.insert(entry.substr(0, equals)).second && equals + 1 < entry.size()) ++n;
    }
  }
  return n;
}

}  // namespace
}  // namespace stretto::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace stretto;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t cut = std::min(text.find("\n--\n"), text.size());
  const std::vector<std::string> entries = fuzz::lines_of(text.substr(0, cut));
  nccl::Surroundings surroundings;
  surroundings.host = "host";
  surroundings.interfaces = {{"lo", "127.0.0.1", false, true},
                             {"eth0", "192.0.2.7", false, false},
                             {"eth0", "[2001:db8::7]", true, false},
                             {"ib0", "192.0.2.8", false, false}};
  surroundings.file_entries = nccl::conf_entries(text.substr(std::min(cut + 4, text.size())));
  std::erase_if(surroundings.file_entries, [](const std::string& entry) { return entry.find('\0') != entry.npos; });
  surroundings.conf_file_read = size % 2 == 0;
  const nccl::Translation translation = nccl::translate(entries, surroundings);
  STRETTO_ASSERT(translation.lines.size() == fuzz::n_variables(entries, surroundings.file_entries));
  for (const nccl::Line& line : translation.lines) STRETTO_ASSERT(line.text.find('\n') == line.text.npos);
  const Environment environment = Environment::from(translation.settings);  // which throws what it does not take
  STRETTO_ASSERT(resolve_settings(nullptr, environment).setup_timeout_ns > 0);
  return 0;
}
