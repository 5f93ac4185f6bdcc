// The PCI tree: /sys/bus/pci/devices, whose links lead to paths that spell out who is below whom.
#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kDevices = "/sys/bus/pci/devices";

constexpr std::int32_t kMostDepth = 256;  ///< buses of a domain

struct Speed {
  std::optional<double> gigatransfers_per_s;
  std::optional<std::int32_t> lanes;
};

/// Lanes and "16.0 GT/s PCIe"; "Unknown", 0 and 255 where there is no PCI Express.
Speed read_speed(const SystemFiles& files, const std::string& at, const std::string& which) {
  Speed speed;
  const std::string text = files.text(at + "/" + which + "_link_speed").value_or("");
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && value >= 1 && value <= 1024) speed.gigatransfers_per_s = value;
  const auto lanes = files.count(at + "/" + which + "_link_width");
  if (lanes && *lanes >= 1 && *lanes <= 32) speed.lanes = lanes;
  return speed;
}

template <class Value>
std::optional<Value> lesser(std::optional<Value> a, std::optional<Value> b) {
  if (a && b) return std::min(*a, *b);
  return a ? a : b;
}

std::optional<std::uint16_t> read_id(const SystemFiles& files, const std::string& path) {
  const auto id = files.count(path);
  if (!id || *id > 0xffff) return std::nullopt;
  return static_cast<std::uint16_t>(*id);
}

class Reader {
 public:
  Reader(const Sight& sight, Draft& draft)
      : files_(sight.files), all_bridges_(sight.options.all_bridges), draft_(draft) {}

  void read() {
    const std::vector<std::string> names = files_.names(kDevices);
    if (names.empty())
      draft_.remark(RemarkKind::missing, kDevices, " shows nothing: GPUs and NICs on PCI are not seen");
    if (names.size() >= SystemFiles::kMostNames) {
      draft_.remark(RemarkKind::unreadable, kDevices,
                    format(" has more than the {} entries that are read", names.size()));
    }
    for (const std::string& name : names) consider(name);
  }

 private:
  void consider(const std::string& bus_id) {
    if (canonical_bus_id(bus_id) != bus_id || draft_.functions.count(bus_id) != 0) return;
    const std::string at = std::string(kDevices) + "/" + bus_id;
    const PciFunction pci = identify(at, bus_id);
    if (pci.device_class == 0) {
      draft_.remark(RemarkKind::unreadable, bus_id, ": its class cannot be read, so it is left out");
      return;
    }
    const auto kind = kind_of_function(pci);
    if (!kind || (kind == FunctionKind::bridge && !all_bridges_)) return;
    std::string path = files_.real_path(at);
    std::vector<std::string> chain = bus_ids_of(path);
    if (chain.empty() || chain.back() != bus_id) {
      draft_.remark(RemarkKind::unreadable, bus_id, ": its place in the PCI tree cannot be read");
      path = at, chain = {bus_id};
    }
    add_chain(path, chain);
  }

  PciFunction identify(const std::string& at, const std::string& bus_id) const {
    PciFunction pci;
    pci.bus_id = bus_id;
    const auto device_class = files_.count(at + "/class");
    if (device_class && *device_class <= 0xffffff) pci.device_class = static_cast<std::uint32_t>(*device_class);
    pci.vendor = read_id(files_, at + "/vendor");
    return pci;
  }

  /// Adds whatever of a chain is not there yet, from the top: a parent is always there before its child.
  void add_chain(const std::string& path, const std::vector<std::string>& chain) {
    std::string parent;
    std::string parent_path;
    std::size_t begin = 0;
    for (const std::string& bus_id : chain) {
      const std::size_t end = path.find("/" + bus_id, begin) + 1 + bus_id.size();
      const std::string at = path.substr(0, end);
      if (draft_.functions.count(bus_id) == 0) add(bus_id, at, parent, parent_path);
      parent = bus_id, parent_path = at, begin = end;
    }
  }

  void add(const std::string& bus_id, const std::string& at, const std::string& parent, const std::string& parent_at) {
    DraftFunction function;
    function.pci = identify(at, bus_id);
    function.pci.device = read_id(files_, at + "/device");
    function.pci.subsystem_vendor = read_id(files_, at + "/subsystem_vendor");
    function.pci.subsystem_device = read_id(files_, at + "/subsystem_device");
    function.kind = kind_of_function(function.pci).value_or(FunctionKind::bridge);
    const std::int32_t depth = parent.empty() ? 0 : draft_.functions.at(parent).depth + 1;
    if (depth < kMostDepth) function.parent = parent, function.depth = depth;
    function.numa = files_.count(at + "/numa_node");
    function.is_virtual = files_.exists(at + "/physfn");
    const std::string group = files_.real_path(at + "/iommu_group");
    if (!group.empty()) function.iommu_group = group.substr(group.rfind('/') + 1);
    read_link(function, at, parent_at);
    draft_.functions.emplace(bus_id, std::move(function));
  }

  /// To the parent: as fast and wide as both ends can, and no wider than it has come up. The current speed counts only
  /// for NICs: GPUs slow their links down when idle.
  /// What the ports on even levels (a root port, and those of a switch that lead down) say is of the link below them,
  /// which the function there says as well: above them is no link.
  void read_link(DraftFunction& function, const std::string& at, const std::string& parent_at) {
    if (function.kind == FunctionKind::bridge && function.depth % 2 == 0) return;
    Speed most = read_speed(files_, at, "max");
    if (!parent_at.empty()) {
      const Speed port = read_speed(files_, parent_at, "max");
      most.gigatransfers_per_s = lesser(most.gigatransfers_per_s, port.gigatransfers_per_s);
      most.lanes = lesser(most.lanes, port.lanes);
    }
    const Speed now = read_speed(files_, at, "current");
    PciFunction& pci = function.pci;
    pci.lanes = lesser(most.lanes, now.lanes);
    pci.gigatransfers_per_s = most.gigatransfers_per_s;
    if (function.kind == FunctionKind::nic) {
      pci.gigatransfers_per_s = lesser(most.gigatransfers_per_s, now.gigatransfers_per_s);
    }
    if (pci.lanes < most.lanes) {
      draft_.remark(RemarkKind::slow_path, pci.bus_id,
                    format(": its link runs on {} of {} lanes", *pci.lanes, *most.lanes));
    }
    if (pci.gigatransfers_per_s < most.gigatransfers_per_s) {
      draft_.remark(RemarkKind::slow_path, pci.bus_id,
                    format(": its link runs at {} of {} GT/s", *pci.gigatransfers_per_s, *most.gigatransfers_per_s));
    }
  }

  const SystemFiles& files_;
  bool all_bridges_;
  Draft& draft_;
};

}  // namespace

void read_pci(const Sight& sight, Draft& draft) { Reader(sight, draft).read(); }

}  // namespace stretto::topology
