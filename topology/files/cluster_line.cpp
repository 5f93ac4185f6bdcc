#include "topology/files/cluster_line.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "topology/files/machine_words.hpp"
#include "topology/graph/host_kinds.hpp"

namespace stretto::topology {
namespace {

using Fault = ClusterSpec::Fault;

constexpr std::int64_t kMostGigabits = kMostMegabits / 1000;
constexpr std::int32_t kMostNumber = 1'000'000;  // of a host or a part of it
constexpr std::string_view kParts =
    "\"rail-optimised\", \"32 hosts a leaf\", \"one switch\", \"2:1 spine\", \"200 Gb/s NICs\" or \"host 0 without GPU "
    "0\"";

struct Word {
  std::string_view text;  ///< "": the line ends here
  std::size_t column;     ///< from 1
};

std::string lower(std::string_view text) {
  std::string lowered(text);
  for (char& letter : lowered) letter = static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  return lowered;
}

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

[[noreturn]] void refuse_word(const Word& word, const std::string& wanted) {
  const std::string found = word.text.empty() ? "the line ends" : "\"" + printable(word.text) + "\"";
  refuse_cluster(word.column, format("here is {}, and should be {}", found, wanted));
}

/// Words are what blanks part; a comma is one by itself.
class Words {
 public:
  explicit Words(std::string_view line) : line_(line) {}

  Word peek() const {
    std::size_t begin = at_;
    while (begin < line_.size() && is_blank(line_[begin])) ++begin;
    std::size_t end = begin;
    while (end < line_.size() && !is_blank(line_[end]) && line_[end] != ',') ++end;
    if (end == begin && begin < line_.size()) ++end;
    return {line_.substr(begin, end - begin), begin + 1};
  }

  Word next() {
    const Word word = peek();
    at_ = word.column - 1 + word.text.size();
    return word;
  }

  bool take(std::string_view word) {
    if (lower(peek().text) != word) return false;
    next();
    return true;
  }

  void expect(std::string_view word) {
    const Word found = peek();
    if (!take(word)) refuse_word(found, format("\"{}\"", word));
  }

  std::int64_t number(const char* what, std::int64_t least, std::int64_t most) {
    const Word word = next();
    return number(word, word.text, what, least, most);
  }

  static std::int64_t number(const Word& word, std::string_view text, const char* what, std::int64_t least,
                             std::int64_t most) {
    const auto value = number_in(text);
    if (!value || *value < least || *value > most) {
      refuse_word(word, format("{}: a whole number from {} to {}", what, least, most));
    }
    return *value;
  }

 private:
  static bool is_blank(char letter) { return letter == ' ' || letter == '\t'; }

  std::string_view line_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view line) : words_(line) {}

  ClusterSpec parse() {
    do hosts();
    while (words_.take("+"));
    while (!words_.peek().text.empty()) {
      const Word word = words_.peek();
      if (!words_.take(",")) refuse_word(word, "a comma, \"+\" with more hosts, or the end");
      part();
    }
    return std::move(spec_);
  }

 private:
  void hosts() {
    const auto count = static_cast<std::int32_t>(words_.number("how many hosts there are", 1, kMostHosts));
    if (!words_.take("hosts")) words_.take("host");
    words_.expect("x");
    const Word word = words_.next();
    std::string kind(word.text);
    if (!is_topology_file(word.text)) kind = lower(word.text);
    if (!is_topology_file(word.text) && find_host_kind(kind) == nullptr) refuse_word(word, kinds());
    spec_.hosts.push_back({count, std::move(kind), word.column});
  }

  static std::string kinds() {
    std::string text = "a kind of hosts: ";
    for (const HostKindRow& row : host_kinds()) text.append(row.name).append(", ");
    return text + "or a topology file (its path has a \"/\", or ends in \".xml\")";
  }

  void part() {
    const Word word = words_.peek();
    if (words_.take("host")) return fault(word);
    if (words_.take("rail-optimised") || words_.take("rail-optimized")) {
      once(word, rails_, "the rails");
      spec_.fabric.rails = true;
    } else if (words_.take("one")) {
      words_.expect("switch");
      once(word, one_switch_, "the switch");
    } else if (word.text.find(':') != word.text.npos) {
      spine(word);
    } else if (number_in(word.text)) {
      counted();
    } else {
      refuse_word(word, std::string(kParts));
    }
    if (one_switch_ && (rails_ || leaves_)) {
      refuse_cluster(word.column, "\"one switch\" has neither rails nor several leaves: leave one of them out");
    }
  }

  /// Hosts of a leaf, or a speed.
  void counted() {
    const Word word = words_.next();
    const Word unit = words_.peek();
    if (words_.take("hosts") || words_.take("host")) {
      words_.expect("a"), words_.expect("leaf");
      once(word, leaves_, "how many hosts a leaf has");
      spec_.fabric.hosts_per_leaf =
          static_cast<std::int32_t>(Words::number(word, word.text, "how many hosts share a leaf", 1, kMostHosts));
    } else if (words_.take("gb/s")) {
      words_.expect("nics");
      once(word, speed_, "the speed of NICs");
      spec_.nic_megabits_per_s = 1000 * Words::number(word, word.text, "Gb/s", 1, kMostGigabits);
    } else {
      refuse_word(unit, "\"hosts a leaf\" or \"Gb/s NICs\"");
    }
  }

  void spine(const Word& word) {
    words_.next();
    words_.expect("spine");
    once(word, spine_, "the spine");
    const std::size_t colon = word.text.find(':');
    const char* const wanted = "a ratio as 2:1";
    spec_.fabric.down =
        static_cast<std::int32_t>(Words::number(word, word.text.substr(0, colon), wanted, 1, kMostOfRatio));
    spec_.fabric.up =
        static_cast<std::int32_t>(Words::number(word, word.text.substr(colon + 1), wanted, 1, kMostOfRatio));
    spec_.spine_column = word.column;
  }

  void fault(const Word& begin) {
    ClusterSpec::Change change;
    change.column = begin.column;
    change.host = number("the number of a host");
    const Word word = words_.peek();
    if (words_.take("nic")) {
      change.fault = Fault::slow_nic;
      change.first = number("the number of a NIC");
      words_.expect("at");
      change.megabits_per_s = 1000 * words_.number("Gb/s", 1, kMostGigabits);
      words_.expect("gb/s");
    } else if (words_.take("without")) {
      missing(change);
    } else {
      refuse_word(word, "\"without\" or \"NIC\"");
    }
    spec_.changes.push_back(change);
  }

  void missing(ClusterSpec::Change& change) {
    const Word word = words_.peek();
    if (words_.take("gpu")) {
      change.fault = Fault::no_gpu;
      change.first = number("the number of a GPU");
    } else if (words_.take("nic")) {
      change.fault = Fault::no_nic;
      change.first = number("the number of a NIC");
    } else if (words_.take("link")) {
      const Word ends = words_.next();
      const std::size_t dash = ends.text.find('-');
      const char* const wanted = "two GPUs as 0-3";
      if (dash == ends.text.npos) refuse_word(ends, wanted);
      change.fault = Fault::no_link;
      change.first = static_cast<std::int32_t>(Words::number(ends, ends.text.substr(0, dash), wanted, 0, kMostNumber));
      change.second =
          static_cast<std::int32_t>(Words::number(ends, ends.text.substr(dash + 1), wanted, 0, kMostNumber));
    } else {
      refuse_word(word, "\"GPU\", \"NIC\" or \"link\"");
    }
  }

  std::int32_t number(const char* what) { return static_cast<std::int32_t>(words_.number(what, 0, kMostNumber)); }

  static void once(const Word& word, bool& said, const char* what) {
    if (said) refuse_cluster(word.column, format("{} is said before: leave one of them out", what));
    said = true;
  }

  Words words_;
  ClusterSpec spec_;
  bool rails_ = false;
  bool one_switch_ = false;
  bool leaves_ = false;
  bool spine_ = false;
  bool speed_ = false;
};

std::string text_of(const ClusterSpec::Change& change) {
  switch (change.fault) {
    case Fault::no_gpu:
      return format(", host {} without GPU {}", change.host, change.first);
    case Fault::no_nic:
      return format(", host {} without NIC {}", change.host, change.first);
    case Fault::no_link:
      return format(", host {} without link {}-{}", change.host, change.first, change.second);
    case Fault::slow_nic:
      return format(", host {} NIC {} at {} Gb/s", change.host, change.first, change.megabits_per_s / 1000);
  }
  return "";
}

}  // namespace

bool is_topology_file(std::string_view kind) { return kind.find('/') != kind.npos || kind.ends_with(".xml"); }

ClusterSpec parse_cluster_line(std::string_view line) { return Parser(line).parse(); }

std::string to_string(const ClusterSpec& spec) {
  std::string text;
  for (const ClusterSpec::Hosts& hosts : spec.hosts) {
    text += format("{}{} host{} x {}", text.empty() ? "" : " + ", hosts.count, hosts.count == 1 ? "" : "s", hosts.kind);
  }
  if (spec.fabric.rails) text += ", rail-optimised";
  if (spec.fabric.hosts_per_leaf > 0) text += format(", {} hosts a leaf", spec.fabric.hosts_per_leaf);
  if (spec.fabric.down != 1 || spec.fabric.up != 1) text += format(", {}:{} spine", spec.fabric.down, spec.fabric.up);
  if (spec.nic_megabits_per_s) text += format(", {} Gb/s NICs", *spec.nic_megabits_per_s / 1000);
  for (const ClusterSpec::Change& change : spec.changes) text += text_of(change);
  return text;
}

}  // namespace stretto::topology
