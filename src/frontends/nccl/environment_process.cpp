// The part that looks at this process: its variables, NCCL's configuration files, the host's interfaces.
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>

#include "base/environment.hpp"
#include "base/error.hpp"
#include "base/fork.hpp"
#include "base/text.hpp"
#include "frontends/nccl/environment.hpp"
#include "stretto/stretto.h"

namespace stretto::nccl {
namespace {

/// Of which an administrator makes use.
constexpr const char* kSystemFile = "/etc/nccl.conf";
constexpr const char* kUserFile = "/.nccl.conf";

std::string host_name() {
  std::array<char, 256> name{};
  if (gethostname(name.data(), name.size() - 1) != 0) return "unknown";
  std::string text = name.data();
  // It becomes a part of a path.
  std::replace(text.begin(), text.end(), '/', '-');
  std::replace(text.begin(), text.end(), '%', '-');
  return text;
}

/// Numeric; of a link-local one with its interface.
std::string address_of(const sockaddr& address, const char* interface) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET) {
    const auto& ipv4 = reinterpret_cast<const sockaddr_in&>(address);
    return inet_ntop(AF_INET, &ipv4.sin_addr, text.data(), text.size()) == nullptr ? "" : text.data();
  }
  const auto& ipv6 = reinterpret_cast<const sockaddr_in6&>(address);
  if (inet_ntop(AF_INET6, &ipv6.sin6_addr, text.data(), text.size()) == nullptr) return "";
  return ipv6.sin6_scope_id == 0 ? text.data() : format("{}%{}", text.data(), interface);
}

std::vector<NetworkInterface> network_interfaces() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(list, freeifaddrs);
  std::vector<NetworkInterface> result;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
    const int family = entry->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    result.push_back({entry->ifa_name, address_of(*entry->ifa_addr, entry->ifa_name), family == AF_INET6,
                      (entry->ifa_flags & IFF_LOOPBACK) != 0});
  }
  return result;
}

bool append_file(std::vector<std::string>& entries, const std::string& path) {
  std::ifstream file(path);
  if (!file) return false;
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  const std::vector<std::string> more = conf_entries(text);
  entries.insert(entries.end(), more.begin(), more.end());
  return true;
}

struct Report {
  std::mutex mutex;
  bool done = false;
  Defaults defaults;
};

PerProcess<Report> report;

/// To this code's own table and log, and to the library's, which are others where it is linked dynamically.
void hand_over(const std::vector<std::string>& settings) {
  Environment::set_fallbacks(settings);
  std::vector<const char*> entries;
  for (const std::string& setting : settings) entries.push_back(setting.c_str());
  if (const strettoResult_t result = strettoSetDefaults(entries.data(), entries.size()); result != strettoSuccess) {
    throw Error(result, strettoGetLastError(nullptr));
  }
}

}  // namespace

std::vector<std::string> process_entries() {
  std::vector<std::string> entries;
  for (const auto& [name, value] : process_variables()) {
    if (name.starts_with("NCCL_") || name == "HOME") entries.push_back(format("{}={}", name, value));
  }
  const Environment environment = Environment::read();
  for (const KnobRow& row : knob_rows()) {
    if (environment.is_given(row.knob)) entries.push_back(format("{}={}", row.name, environment.text(row.knob)));
  }
  return entries;
}

Surroundings process_surroundings(std::span<const std::string> entries) {
  const auto value_of = [&](std::string_view name) {
    for (const std::string& entry : entries) {
      if (entry.starts_with(name) && entry.substr(name.size()).starts_with('=')) return entry.substr(name.size() + 1);
    }
    return std::string();
  };
  Surroundings result;
  result.host = host_name();
  if (const std::string file = value_of("NCCL_TOPO_FILE"); !file.empty()) {
    result.topology_file_read = access(file.c_str(), R_OK) == 0;
  }
  if (const std::string file = value_of("NCCL_CONF_FILE"); !file.empty()) {
    result.conf_file_read = append_file(result.file_entries, file);
  } else if (const std::string home = value_of("HOME"); !home.empty()) {
    append_file(result.file_entries, home + kUserFile);
  }
  append_file(result.file_entries, kSystemFile);
  result.interfaces = network_interfaces();
  return result;
}

void report_environment() {
  Report& state = report.get();
  const std::lock_guard lock(state.mutex);
  if (state.done) return;
  const std::vector<std::string> entries = process_entries();
  const Translation translation = translate(entries, process_surroundings(entries));
  hand_over(translation.settings);
  configure_log(Environment::read());
  for (const Line& line : translation.lines) {
    if (log_enabled(line.level)) log_line(line.level, line.text);
  }
  state.defaults = translation.defaults;
  state.done = true;
}

Defaults process_defaults() {
  Report& state = report.get();
  const std::lock_guard lock(state.mutex);
  return state.defaults;
}

}  // namespace stretto::nccl
