// RDMA devices with their ports: /sys/class/infiniband. What only the verbs interface tells (limits, GIDs that a
// connection would use) is not here.
#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kDevices = "/sys/class/infiniband";
constexpr std::uint16_t kMellanox = 0x15b3;
constexpr std::int32_t kMostPorts = 255;  // InfiniBand's port numbers have 8 bits

/// "506b:4b03:00cb:1234".
std::optional<std::uint64_t> read_guid(const SystemFiles& files, const std::string& path) {
  std::string digits;
  for (const char letter : files.text(path).value_or("")) {
    if (letter != ':') digits += letter;
  }
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
  if (digits.size() != 16 || error != std::errc{} || end != digits.data() + digits.size() || value == 0) {
    return std::nullopt;
  }
  return value;
}

/// "100 Gb/sec (4X EDR)", "2.5 Gb/sec (1X SDR)", in Mb/s.
std::optional<std::int64_t> read_rate(const SystemFiles& files, const std::string& path) {
  const std::string text = files.text(path).value_or("");
  double gigabits = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), gigabits);
  if (error != std::errc{} || !(gigabits > 0) || gigabits > 1e6) return std::nullopt;
  return std::llround(gigabits * 1000);
}

/// The system's interface on the same wire: of a port with RoCE or IP over InfiniBand; "": none shows.
std::string interface_of(const SystemFiles& files, const std::string& device, std::int32_t port) {
  const std::string gid = format("{}/{}/ports/{}/gid_attrs/ndevs/0", kDevices, device, port);
  if (auto name = files.text(gid)) return *name;
  if (auto name = files.text(format("{}/{}/parent", kDevices, device))) return *name;  // RDMA in software
  const std::string interfaces = format("{}/{}/device/net", kDevices, device);
  for (const std::string& name : files.names(interfaces)) {
    if (files.count(format("{}/{}/dev_port", interfaces, name)) == port - 1) return name;
  }
  return "";
}

void join_interface(const std::string& name, const std::string& device, Draft& draft, std::string& bus_id) {
  for (DraftNet& entry : draft.nets) {
    if (entry.net.name != name || !entry.net.rdma_device.empty()) continue;
    entry.net.rdma_device = device;
    if (bus_id.empty()) bus_id = entry.bus_id;
  }
}

void add_port(const SystemFiles& files, const std::string& device, std::int32_t port, Draft& draft, std::string& down) {
  const std::string at = format("{}/{}/ports/{}", kDevices, device, port);
  const std::string state = files.text(at + "/state").value_or("");
  if (state.substr(0, 2) != "4:") {  // "4: ACTIVE"
    down += format("{}{} port {}", down.empty() ? "" : ", ", device, port);
    return;
  }
  DraftNet entry;
  entry.bus_id = nic_above(files, format("{}/{}", kDevices, device), draft);
  entry.net.name = device;
  entry.net.port = port;
  entry.net.megabits_per_s = read_rate(files, at + "/rate");
  entry.net.link_layer = files.text(at + "/link_layer").value_or("InfiniBand");  // so before Linux had RoCE
  // Of the card, the same on all of its ports and functions; the device's own where there is no such number.
  entry.net.guid = read_guid(files, format("{}/{}/sys_image_guid", kDevices, device));
  if (!entry.net.guid) entry.net.guid = read_guid(files, format("{}/{}/node_guid", kDevices, device));
  join_interface(interface_of(files, device, port), device, draft, entry.bus_id);
  draft.nets.push_back(entry);
}

void remark_without_driver(Draft& draft) {
  for (const auto& [bus_id, function] : draft.functions) {
    const bool is_able = function.pci.vendor == kMellanox || function.pci.device_class >> 8 == 0x0207;
    if (function.kind != FunctionKind::nic || !is_able) continue;
    draft.remark(RemarkKind::missing, kDevices,
                 format(" was not found: whether {} and others can do RDMA is not known", bus_id));
    return;
  }
}

}  // namespace

void read_rdma(const Sight& sight, Draft& draft) {
  const SystemFiles& files = sight.files;
  const std::vector<std::string> devices = files.names(kDevices);
  if (devices.empty()) remark_without_driver(draft);
  std::string down;
  for (const std::string& device : devices) {
    bool has_ports = false;
    for (const std::string& name : files.names(format("{}/{}/ports", kDevices, device))) {
      const auto port = parse_number(name);
      if (!port || *port < 1 || *port > kMostPorts) continue;
      has_ports = true;
      add_port(files, device, static_cast<std::int32_t>(*port), draft, down);
    }
    if (!has_ports) draft.remark(RemarkKind::unreadable, device, ": its ports cannot be read, so it is left out");
  }
  if (!down.empty()) draft.remark(RemarkKind::left_out, down, ": not active, so left out");
}

}  // namespace stretto::topology
