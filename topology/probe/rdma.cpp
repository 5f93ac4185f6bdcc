// RDMA devices with their ports and GIDs: /sys/class/infiniband. What only the verbs interface tells is in verbs.cpp.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
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
constexpr std::int32_t kMostPorts = 255;    // InfiniBand's port numbers have 8 bits
constexpr std::int64_t kMostGids = 65'535;  // and indices of GIDs 16

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

using GidBytes = std::array<unsigned char, 16>;

bool is_ipv4(const GidBytes& bytes) {  // ::ffff:a.b.c.d
  return std::all_of(bytes.begin(), bytes.begin() + 10, [](unsigned char byte) { return byte == 0; }) &&
         bytes[10] == 0xff && bytes[11] == 0xff;
}

bool is_link_local(const GidBytes& bytes) { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }

std::string address_of(const GidBytes& bytes) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool ipv4 = is_ipv4(bytes);
  const char* const done = ::inet_ntop(ipv4 ? AF_INET : AF_INET6, bytes.data() + (ipv4 ? 12 : 0), text.data(),
                                       static_cast<socklen_t>(text.size()));
  return done == nullptr ? "" : done;
}

/// The port's table without empty places; first what connections are best made by: of RoCE version 2, which routers
/// pass on, and an address of IPv4 or one that is not the link's own; of InfiniBand as the table has them. (The kernel
/// calls those "IB/RoCE v1", too.)
std::vector<Gid> read_gids(const SystemFiles& files, const std::string& port, bool is_roce) {
  std::vector<std::pair<int, Gid>> found;  // with its rank, 0 the best
  for (const std::string& name : files.names(port + "/gids")) {
    const auto index = parse_number(name);
    GidBytes bytes{};
    const auto text = files.text(format("{}/gids/{}", port, name));
    if (!index || *index < 0 || *index > kMostGids || !text || ::inet_pton(AF_INET6, text->c_str(), bytes.data()) != 1)
      continue;
    if (std::ranges::all_of(bytes, [](unsigned char byte) { return byte == 0; })) continue;
    Gid gid{static_cast<std::int32_t>(*index), address_of(bytes), ""};
    if (is_roce) gid.type = files.text(format("{}/gid_attrs/types/{}", port, name)).value_or("");
    const int kind = is_ipv4(bytes) ? 0 : is_link_local(bytes) ? 2 : 1;
    found.emplace_back(!is_roce ? 0 : kind + (gid.type == "RoCE v2" ? 0 : 3), std::move(gid));
  }
  std::ranges::sort(found, {}, [](const auto& entry) { return std::pair(entry.first, entry.second.index); });
  std::vector<Gid> gids;
  for (auto& [rank, gid] : found) gids.push_back(std::move(gid));
  return gids;
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

/// Drivers' older way: GPUs' memory is registered by its address, with a kernel module's help.
bool has_peer_memory(const SystemFiles& files) {
  return files.exists("/sys/module/nvidia_peermem") || !files.names("/sys/kernel/mm/memory_peers").empty();
}

void add_port(const Sight& sight, const std::string& device, std::int32_t port, Draft& draft, std::string& down) {
  const SystemFiles& files = sight.files;
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
  if (!sight.options.verbs_library.empty()) entry.net.gids = read_gids(files, at, entry.net.link_layer == "Ethernet");
  // Of the card, the same on all of its ports and functions; the device's own where there is no such number.
  entry.net.guid = read_guid(files, format("{}/{}/sys_image_guid", kDevices, device));
  if (!entry.net.guid) entry.net.guid = read_guid(files, format("{}/{}/node_guid", kDevices, device));
  const bool in_software = files.exists(format("{}/{}/parent", kDevices, device));
  if (!in_software && !entry.bus_id.empty() && has_peer_memory(files)) entry.net.direct_rdma = true;
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
      add_port(sight, device, static_cast<std::int32_t>(*port), draft, down);
    }
    if (!has_ports) draft.remark(RemarkKind::unreadable, device, ": its ports cannot be read, so it is left out");
  }
  if (!down.empty()) draft.remark(RemarkKind::left_out, down, ": not active, so left out");
}

}  // namespace stretto::topology
