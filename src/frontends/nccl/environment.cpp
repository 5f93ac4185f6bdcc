#include "frontends/nccl/environment.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <optional>

#include "base/text.hpp"
#include "stretto/stretto.h"

namespace stretto::nccl {
namespace {

using Values = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view kOurs = "NCCL_";

/// What is set, the first of a name; NCCL takes an empty value for none.
void take(Values& values, std::span<const std::string> entries, std::string_view beginning) {
  for (const std::string& entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || !entry.starts_with(beginning)) continue;
    values.try_emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& letter : result) letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
  return result;
}

/// On one line, and no longer than a line should be.
std::string printable(std::string_view value) {
  constexpr std::size_t kMost = 100;
  std::string text(value.substr(0, kMost));
  for (char& letter : text) {
    if (static_cast<unsigned char>(letter) < ' ' || letter == '"' || letter == '\x7f') letter = '?';
  }
  return value.size() > kMost ? text + "..." : text;
}

std::vector<std::string_view> parts(std::string_view list) {
  std::vector<std::string_view> result;
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    if (comma != 0) result.push_back(list.substr(0, comma));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return result;
}

/// What a value comes to: a value of one of stretto's variables, or why there is none.
struct Taken {
  std::string_view setting;  ///< the variable's name; "": none is needed, or the value is bad
  std::string value;
  LogLevel level = LogLevel::info;
  std::string remark;
};

Taken bad(std::string remark) { return {"", "", LogLevel::warn, std::move(remark)}; }

Taken take_debug(std::string_view value) {
  struct Row {
    std::string_view word;
    std::string_view level;
  };
  static constexpr std::array kLevels = {Row{"NONE", "error"}, Row{"VERSION", "warn"}, Row{"WARN", "warn"},
                                         Row{"INFO", "info"},  Row{"ABORT", "info"},   Row{"TRACE", "trace"}};
  const std::string word = upper(value);
  const auto* row = std::find_if(kLevels.begin(), kLevels.end(), [&](const Row& r) { return r.word == word; });
  if (row == kLevels.end()) return bad("not a level: these are NONE, VERSION, WARN, INFO, ABORT and TRACE");
  Taken taken{"STRETTO_LOG_LEVEL", std::string(row->level), LogLevel::info, ""};
  // Of who asks for no more than the version, the level holds nothing but warnings.
  if (word == "VERSION") taken.level = LogLevel::warn;
  if (word != "NONE" && word != "WARN") {
    taken.remark = format("stretto {}.{}.{} serves NCCL's interface here", STRETTO_MAJOR, STRETTO_MINOR, STRETTO_PATCH);
  }
  return taken;
}

/// STRETTO_LOG_FILE knows one %p, and that must stay one: the value may outlive a fork.
Taken take_debug_file(std::string_view value, const std::string& host) {
  std::string path;
  bool has_process = false;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char next = value[i] == '%' && i + 1 < value.size() ? value[i + 1] : '\0';
    if (next == '\0') {
      path += value[i];
      continue;
    }
    ++i;
    if (next == 'h') {
      path += host;
    } else if (next == '%') {
      path += '%';
    } else if (next != 'p') {
      path.append({'%', next});
    } else if (has_process) {
      return bad("the process number can be in it once: leave one %p");
    } else {
      path += "%p";
      has_process = true;
    }
  }
  return {"STRETTO_LOG_FILE", path, LogLevel::info, ""};
}

std::string names_of(std::span<const NetworkInterface> interfaces) {
  std::string text;
  for (const NetworkInterface& interface : interfaces) {
    text += format("{}{} ({})", text.empty() ? "" : ", ", interface.name, interface.address);
  }
  return text.empty() ? "none" : text;
}

bool is_family(std::string_view word) { return word == "AF_INET" || word == "AF_INET6"; }

/// Of both variables, since an address has an interface and a family. `family`: "" for any.
Taken take_interface(std::string_view filter, std::string_view family, std::span<const NetworkInterface> all) {
  const std::string wanted = is_family(upper(family)) ? upper(family) : "";
  for (const NetworkInterface& interface : admitted_interfaces(filter, all)) {
    if (!wanted.empty() && interface.ipv6 != (wanted == "AF_INET6")) continue;
    // Nobody has named an interface: addresses of the family, but no further out than without it.
    if (filter.empty() && !interface.loopback) continue;
    return {"STRETTO_BOOTSTRAP_ADDRESS", interface.address, LogLevel::info, "interface " + interface.name};
  }
  return bad("no interface that is up fits; there are: " + names_of(all));
}

Taken take_algorithm(std::string_view value) {
  const std::string word = upper(value);
  if (word == "RING") return {"STRETTO_ALGORITHM", "ring", LogLevel::info, ""};
  if (word == "TREE") return {"STRETTO_ALGORITHM", "tree", LogLevel::info, ""};
  return bad("only Ring or Tree by itself can be asked for; the planner decides (`stretto explain`)");
}

Taken take_protocol(std::string_view value) {
  const std::string word = upper(value);
  if (word == "LL") return {"STRETTO_PROTOCOL", "packets", LogLevel::info, ""};
  if (word == "LL128") return {"STRETTO_PROTOCOL", "wide", LogLevel::info, ""};
  if (word == "SIMPLE") return {"STRETTO_PROTOCOL", "slots", LogLevel::info, ""};
  return bad("only LL, LL128 or Simple by itself can be asked for; the planner decides (`stretto explain`)");
}

Taken take_honoured(std::string_view name, const Values& nccl, const Surroundings& surroundings) {
  const auto value_of = [&](const char* of) {
    const auto found = nccl.find(of);
    return found == nccl.end() ? std::string_view() : std::string_view(found->second);
  };
  const std::string_view value = value_of(std::string(name).c_str());
  if (name == "NCCL_DEBUG") return take_debug(value);
  if (name == "NCCL_DEBUG_FILE") return take_debug_file(value, surroundings.host);
  if (name == "NCCL_ALGO") return take_algorithm(value);
  if (name == "NCCL_PROTO") return take_protocol(value);
  // NCCL goes on without it, and so do programs that were made for NCCL.
  if (name == "NCCL_TOPO_FILE" && !surroundings.topology_file_read) {
    return bad("cannot be read, and the machine is probed instead; check the path and its permissions");
  }
  if (name == "NCCL_TOPO_FILE") return {"STRETTO_TOPO_FILE", std::string(value), LogLevel::info, ""};
  if (name == "NCCL_TOPO_DUMP_FILE") return {"STRETTO_TOPO_DUMP", std::string(value), LogLevel::info, ""};
  if (name == "NCCL_CONF_FILE") {
    return surroundings.conf_file_read ? Taken{"", "", LogLevel::info, "read for variables that are not set"}
                                       : bad("cannot be read; check the path and its permissions");
  }
  if (name == "NCCL_SOCKET_FAMILY" && !is_family(upper(value))) {
    return bad("not a family: these are AF_INET and AF_INET6");
  }
  return take_interface(value_of("NCCL_SOCKET_IFNAME"), value_of("NCCL_SOCKET_FAMILY"), surroundings.interfaces);
}

/// Names, not beginnings: what a misspelt name may have meant.
std::string_view nearest(std::string_view name) {
  const VariableRow* best = nullptr;
  for (const VariableRow& row : variable_rows()) {
    if (row.name.ends_with('*')) continue;
    if (best == nullptr || edit_distance(name, row.name) < edit_distance(name, best->name)) best = &row;
  }
  return best == nullptr ? "" : best->name;
}

/// What is off here, and is to be off.
bool asks_for_what_holds(std::string_view name, std::string_view value) {
  return ((name == "NCCL_P2P_DISABLE" || name == "NCCL_SHM_DISABLE") && value == "0") ||
         (name.ends_with("_PLUGIN") && value == "none");
}

Line line_of(const std::string& name, const std::string& value, LogLevel level, std::string_view state,
             std::string_view text) {
  return {level, format("event=nccl_environment variable={} value=\"{}\" state={} text=\"{}\"", printable(name),
                        printable(value), state, text)};
}

/// Adds the setting where none of stretto's own has been given.
Line honour(const std::string& name, const std::string& value, const Values& nccl, const Values& stretto,
            const Surroundings& surroundings, Translation& result) {
  if (const std::optional<Line> line = take_default(name, value, result.defaults)) {
    return line_of(name, value, line->level, line->level == LogLevel::warn ? "ignored" : "honoured", line->text);
  }
  std::vector<std::string>& settings = result.settings;
  const Taken taken = take_honoured(name, nccl, surroundings);
  if (taken.setting.empty()) {
    const char* state = taken.level == LogLevel::warn ? "ignored" : "honoured";
    return line_of(name, value, taken.level, state, taken.remark);
  }
  const std::string remark = taken.remark.empty() ? "" : "; " + taken.remark;
  if (const auto own = stretto.find(taken.setting); own != stretto.end()) {
    return line_of(name, value, taken.level, "overruled",
                   format("{}={} goes before it{}", taken.setting, printable(own->second), remark));
  }
  const std::string setting = format("{}={}", taken.setting, taken.value);
  if (std::find(settings.begin(), settings.end(), setting) == settings.end()) settings.push_back(setting);
  return line_of(name, value, taken.level, "honoured", format("as {}{}", printable(setting), remark));
}

}  // namespace

std::vector<NetworkInterface> admitted_interfaces(std::string_view filter, std::span<const NetworkInterface> all) {
  const bool excludes = filter.starts_with('^');
  if (excludes) filter.remove_prefix(1);
  const bool exact = filter.starts_with('=');
  std::vector<std::string_view> names = parts(filter);
  for (std::string_view& name : names) {
    if (exact && name.starts_with('=')) name.remove_prefix(1);
  }
  std::vector<NetworkInterface> admitted;
  for (const NetworkInterface& interface : all) {
    const bool listed = std::any_of(names.begin(), names.end(), [&](std::string_view name) {
      return exact ? interface.name == name : interface.name.starts_with(name);
    });
    if (names.empty() || listed != excludes) admitted.push_back(interface);
  }
  std::stable_partition(admitted.begin(), admitted.end(), [](const NetworkInterface& i) { return !i.loopback; });
  return admitted;
}

std::vector<std::string> conf_entries(std::string_view text) {
  std::vector<std::string> entries;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with(kOurs) && line.find('=') != line.npos) entries.emplace_back(line);
  }
  return entries;
}

Translation translate(std::span<const std::string> entries, const Surroundings& surroundings) {
  Values nccl;
  Values stretto;
  take(nccl, entries, kOurs);
  take(nccl, surroundings.file_entries, kOurs);
  take(stretto, entries, "STRETTO_");
  std::erase_if(nccl, [](const auto& variable) { return variable.second.empty(); });
  Translation result;
  for (const auto& [name, value] : nccl) {
    const VariableRow* row = find_variable(name);
    if (row == nullptr) {
      result.lines.push_back(line_of(name, value, LogLevel::warn, "unknown",
                                     format("no variable of NCCL's has this name; the nearest is {}", nearest(name))));
    } else if (row->meaning == Meaning::honoured) {
      result.lines.push_back(honour(name, value, nccl, stretto, surroundings, result));
    } else if (row->meaning == Meaning::ignored && asks_for_what_holds(name, value)) {
      result.lines.push_back(line_of(name, value, LogLevel::info, "honoured", "it is so anyway"));
    } else {
      const char* state = row->meaning == Meaning::ignored ? "ignored" : "of_others";
      result.lines.push_back(line_of(name, value, row->level, state, row->means));
    }
  }
  return result;
}

}  // namespace stretto::nccl
