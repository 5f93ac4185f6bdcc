// Network interfaces: /sys/class/net. Only those that are up, since a program can use no other.
#include <string>
#include <string_view>
#include <vector>

#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kInterfaces = "/sys/class/net";

// linux/if_arp.h and linux/if.h.
constexpr std::int64_t kEthernet = 1;
constexpr std::int64_t kIpOverInfiniBand = 32;
constexpr std::int64_t kUpFlag = 1;

/// Drivers that do not know say "unknown" (virtual ones mostly): then it counts what the administrator has said.
bool is_up(const SystemFiles& files, const std::string& at) {
  const std::string state = files.text(at + "/operstate").value_or("");
  if (state != "unknown") return state == "up";
  return (files.number(at + "/flags").value_or(0) & kUpFlag) != 0;
}

void add_interface(const SystemFiles& files, const std::string& name, Draft& draft, std::string& down) {
  const std::string at = std::string(kInterfaces) + "/" + name;
  const auto type = files.number(at + "/type");
  if (!type) {
    // Not everything here is an interface: the driver for bonds keeps a file of its own beside them.
    if (files.exists(at + "/operstate")) {
      draft.remark(RemarkKind::unreadable, name, ": its type cannot be read, so it is left out");
    }
    return;
  }
  if (*type != kEthernet && *type != kIpOverInfiniBand) return;  // the loopback, tunnels
  const std::string nic = nic_above(files, at, draft);
  if (!is_up(files, at)) {
    if (!nic.empty()) down += (down.empty() ? "" : ", ") + name;
    return;
  }
  // A virtual one that is part of another (of a bridge, a bond): that one is what programs use.
  if (nic.empty() && files.exists(at + "/master")) return;
  DraftNet entry;
  entry.net.name = name;
  if (const auto speed = files.count(at + "/speed"); speed && *speed > 0) entry.net.megabits_per_s = *speed;
  entry.bus_id = nic;
  draft.nets.push_back(entry);
}

}  // namespace

void read_interfaces(const Sight& sight, Draft& draft) {
  const std::vector<std::string> names = sight.files.names(kInterfaces);
  if (names.empty()) draft.remark(RemarkKind::missing, kInterfaces, " shows nothing: network interfaces are not seen");
  std::string down;
  for (const std::string& name : names) add_interface(sight.files, name, draft, down);
  if (!down.empty()) draft.remark(RemarkKind::left_out, down, ": not up, so left out");
}

}  // namespace stretto::topology
