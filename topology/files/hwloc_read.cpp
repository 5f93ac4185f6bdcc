#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "base/text.hpp"
#include "topology/files/hwloc_draft.hpp"
#include "topology/files/hwloc_xml.hpp"
#include "topology/files/machine_words.hpp"

namespace stretto::topology {
namespace {

using namespace hwloc;

constexpr std::int64_t kNewestVersion = 3;
constexpr double kMostGigabytes_per_s = 1e6;
constexpr int kMostPorts = 255;

/// What holds an object.
struct Place {
  const XmlElement* near = nullptr;  ///< the nearest around it that has processors
  std::optional<std::size_t> function;
  std::int32_t level = 0;  ///< bridges around it
  bool in_device = false;  ///< function is a PCIDev
};

enum class DeviceKind : std::uint8_t { other, interface, rdma, processor };

/// Objects that hold others and are nothing to us by themselves. Of version 1: System, Cache.
constexpr std::array<std::string_view, 15> kHolders = {"Machine", "System",   "Group",    "Die",      "Core",
                                                       "Cache",   "L1Cache",  "L2Cache",  "L3Cache",  "L4Cache",
                                                       "L5Cache", "L1iCache", "L2iCache", "L3iCache", "MemCache"};
/// Of <topology> and of <object>: nothing that is planned with.
constexpr std::array<std::string_view, 14> kLeftOut = {
    "info",    "page_type", "userdata",     "support", "memattr",   "cpukind",    "memtier",
    "indexes", "u64values", "pci_locality", "latency", "distances", "distances2", "distances2hetero"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string info_of(const XmlElement& element, std::string_view wanted) {
  for (const XmlElement& child : element.children) {
    const std::string* name = child.name == "info" ? child.attribute("name") : nullptr;
    const std::string* value = child.attribute("value");
    if (name != nullptr && *name == wanted && value != nullptr) return *value;
  }
  return "";
}

template <class T>
std::optional<T> whole(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Informations are free text: what is no small number is not known.
std::optional<std::int32_t> number_in(const XmlElement& element, std::string_view name) {
  const auto value = whole<std::int32_t>(info_of(element, name));
  return value && *value >= 0 && *value <= 0xffff ? value : std::nullopt;
}

/// "506b:4b03:00cb:1234".
std::optional<std::uint64_t> guid_in(const XmlElement& element, std::string_view name) {
  std::string digits = info_of(element, name);
  std::erase(digits, ':');
  const auto value = digits.size() == 16 ? whole<std::uint64_t>(digits, 16) : std::nullopt;
  return value && *value != 0 ? value : std::nullopt;
}

/// As NCCL's files have it.
std::string architecture_of(std::string machine) {
  if (machine == "aarch64") return "arm64";
  return machine == "ppc64le" ? "ppc64" : machine;
}

/// The number after one of these, by which the maker's library calls the device.
std::optional<std::int32_t> number_after(std::string_view name, std::string_view beginning) {
  const auto number = name.starts_with(beginning) ? whole<std::int32_t>(name.substr(beginning.size())) : std::nullopt;
  return number && *number >= 0 ? number : std::nullopt;
}

/// Of CUDA, NVML, ROCm SMI, OpenCL and Level Zero. Not of graphics alone (card0, :0.0), nor other co-processors.
bool computes(std::string_view name) {
  for (const std::string_view beginning : {"cuda", "nvml", "rsmi", "opencl", "ze"}) {
    if (!name.starts_with(beginning) || name.size() == beginning.size()) continue;
    const char next = name[beginning.size()];
    if (next >= '0' && next <= '9') return true;
  }
  return false;
}

/// The lanes and their rate that give a speed: the most lanes, of what cards have.
void fill_speed(PciFunction& pci, double gigabytes_per_s) {
  for (const std::int32_t lanes : {16, 8, 4, 2, 1}) {
    for (const double rate : {2.5, 5.0, 8.0, 16.0, 32.0, 64.0}) {
      pci.lanes = lanes, pci.gigatransfers_per_s = rate;
      constexpr double kRounding = 0.005;
      const double speed = pcie_gigabytes_per_s(pci).value_or(0);
      if (std::abs(speed - gigabytes_per_s) <= kRounding * speed) return;
    }
  }
  pci.lanes.reset(), pci.gigatransfers_per_s.reset();
}

class Builder {
 public:
  Builder(std::string_view file_name, std::vector<std::string>* warnings) : notes_(file_name, warnings) {}

  Machine build(const XmlElement& root) {
    Attributes attributes(root, notes_);
    read_version(root, attributes);
    attributes.finish();
    for (const XmlElement& child : root.children) {
      child.name == "object" ? read_object(child, {}) : read_other(child, root);
    }
    if (draft_.host.empty()) draft_.host = info_of(root, "HostName");
    if (draft_.architecture.empty()) draft_.architecture = architecture_of(info_of(root, "Architecture"));
    for (Function& function : draft_.functions) settle(function);
    return assemble(draft_, notes_);
  }

 private:
  /// Absent: of version 1.
  void read_version(const XmlElement& root, Attributes& attributes) {
    const std::string text = attributes.text("version");
    if (text.empty()) return;
    const auto major = whole<std::int64_t>(std::string_view(text).substr(0, text.find('.')));
    if (!major || *major < 1 || *major > kNewestVersion) {
      notes_.refuse(root, format("version is \"{}\": 1 to {} of hwloc's format are read; export it with --of xml by an "
                                 "hwloc of these",
                                 printable(text.substr(0, 60)), kNewestVersion));
    }
    version_ = *major;
  }

  void read_other(const XmlElement& element, const XmlElement& parent) {
    if (!is_among(kLeftOut, element.name)) return notes_.unknown_element(element, parent);
    const std::string* name = element.attribute("name");
    if (name == nullptr || !element.name.starts_with("distances2") || !name->ends_with("LinkBandwidth")) return;
    notes_.warn(element, "links", "links between GPUs are not read from hwloc's files: they are left out");
  }

  void read_object(const XmlElement& element, Place place) {
    Attributes attributes(element, notes_);
    const std::string type = attributes.text("type");
    attributes.ignore({"os_index",
                       "cpuset",
                       "complete_cpuset",
                       "online_cpuset",
                       "allowed_cpuset",
                       "nodeset",
                       "complete_nodeset",
                       "allowed_nodeset",
                       "gp_index",
                       "id",
                       "name",
                       "subtype",
                       "os_level",
                       "local_memory",
                       "cache_size",
                       "cache_linesize",
                       "cache_associativity",
                       "cache_type",
                       "cache_inclusive",
                       "depth",
                       "kind",
                       "subkind",
                       "dont_merge",
                       "bridge_type",
                       "bridge_pci",
                       "pci_busid",
                       "pci_type",
                       "pci_link_speed",
                       "osdev_type"});
    if (type.empty()) notes_.refuse(element, "has no type: give one, such as Machine, or leave the object out");
    if (!attributes.text("cpuset").empty()) place.near = &element;
    if (type == "Misc") return;
    if (type == "PU") {
      read_processor(element, attributes);
    } else if (type == "NUMANode") {
      draft_.numas.push_back({&element, attributes.number("os_index")});
    } else if (type == "Package" || type == "Socket") {
      read_package(element, attributes);
    } else if (type == "Bridge" || type == "PCIDev") {
      read_function(element, attributes, type == "Bridge", place);
    } else if (type == "OSDev") {
      read_device(element, attributes, place);
    } else if (type == "Machine") {
      read_machine(element);
    } else if (!is_among(kHolders, type)) {
      notes_.warn(element, "type " + type, format("the type {} is not known: what it holds is read", type));
    }
    attributes.finish();
    for (const XmlElement& child : element.children) {
      child.name == "object" ? read_object(child, place) : read_other(child, element);
    }
  }

  void read_machine(const XmlElement& element) {
    if (machine_ != nullptr) {
      notes_.refuse(element, format("is the second machine, after that of line {}: one file is one machine; part it",
                                    machine_->line));
    }
    machine_ = &element;
    draft_.host = info_of(element, "HostName");
    draft_.architecture = architecture_of(info_of(element, "Architecture"));
  }

  void read_processor(const XmlElement& element, Attributes& attributes) {
    const auto number = attributes.integer("os_index", 0, kMostProcessors - 1);
    if (!number) notes_.refuse(element, "has no os_index: give the system's number of the processor");
    draft_.processors.set(static_cast<std::size_t>(*number));
  }

  void read_package(const XmlElement& element, Attributes& attributes) {
    draft_.packages.push_back({&element, attributes.number("os_index"), info_of(element, "CPUVendor"),
                               number_in(element, "CPUFamilyNumber"), number_in(element, "CPUModelNumber")});
  }

  void read_function(const XmlElement& element, Attributes& attributes, bool is_bridge, Place& place) {
    if (place.in_device) notes_.refuse(element, "is inside a PCIDev: only a Bridge holds others");
    Function function;
    PciFunction& pci = function.pci;
    pci.bus_id = attributes.bus_id("pci_busid");
    if (is_bridge && !attributes.text("bridge_type").starts_with("1")) return;  // the host's, which is no function
    if (pci.bus_id.empty()) notes_.refuse(element, "has no pci_busid: give one, such as 0000:3b:00.0");
    const auto [known, is_new] = lines_.emplace(pci.bus_id, element.line);
    if (!is_new) {
      notes_.refuse(element, format("pci_busid {} is in line {} already: each function is one object", pci.bus_id,
                                    known->second));
    }
    read_type(element, attributes, pci);
    if (const auto speed = attributes.decimal("pci_link_speed", kMostGigabytes_per_s); speed && *speed > 0) {
      fill_speed(pci, *speed);
      if (!pci.lanes) notes_.warn(element, "speed", format("no PCI link has {} GB/s: it is left out", *speed));
    }
    constexpr std::uint32_t kBridgeClass = 0x0604;
    if (is_bridge && pci.device_class != 0 && pci.device_class >> 8 != kBridgeClass) {
      notes_.refuse(element, "is a Bridge whose pci_type is not 0604: make it a PCIDev, or mend its pci_type");
    }
    function.kind = is_bridge ? PciKind::bridge : kind_of_function(pci);
    // Others of the class are no switches in NCCL's files either.
    constexpr std::uint32_t kSwitchClass = 0x068000;
    if (!is_bridge && (function.kind == PciKind::bridge ||
                       (function.kind == PciKind::nv_switch && pci.device_class != kSwitchClass))) {
      function.kind.reset();
    }
    function.above = place.function, function.level = place.level, function.near = place.near;
    place.function = draft_.functions.size(), place.level += 1, place.in_device = !is_bridge;
    draft_.functions.push_back(std::move(function));
  }

  /// "0302 [10de:2330] [10de:16c1] a1", since version 3 with the programming interface behind: " 00".
  void read_type(const XmlElement& element, Attributes& attributes, PciFunction& pci) {
    const std::string text = attributes.text("pci_type");
    if (text.empty()) return;
    constexpr std::string_view kForm = "hhhh [hhhh:hhhh] [hhhh:hhhh] hh hh";
    bool fits = text.size() == kForm.size() || text.size() == kForm.size() - 3;
    for (std::size_t i = 0; fits && i < text.size(); ++i) {
      fits = kForm[i] == 'h' ? std::isxdigit(static_cast<unsigned char>(text[i])) != 0 : text[i] == kForm[i];
    }
    if (!fits) {
      notes_.refuse(element, format("pci_type is \"{}\": give class, vendor and device such as \"0302 [10de:2330] "
                                    "[10de:16c1] a1 00\", or leave it out",
                                    printable(text.substr(0, 60))));
    }
    const auto hexadecimal = [&](std::size_t at, std::size_t n) {
      return whole<std::uint16_t>(std::string_view(text).substr(at, n), 16).value_or(0);
    };
    pci.device_class = static_cast<std::uint32_t>(hexadecimal(0, 4)) << 8;
    if (text.size() == kForm.size()) pci.device_class |= hexadecimal(kForm.size() - 2, 2);
    pci.vendor = hexadecimal(6, 4), pci.device = hexadecimal(11, 4);
    pci.subsystem_vendor = hexadecimal(18, 4), pci.subsystem_device = hexadecimal(23, 4);
  }

  /// Versions 1 and 2 number the kinds, 3 gives each a bit.
  DeviceKind kind_of(Attributes& attributes, std::string_view name) const {
    const std::int64_t type = attributes.integer("osdev_type", 0, INT32_MAX).value_or(version_ < 3 ? 6 : 0);
    const auto is = [&](std::int64_t number, std::int64_t bit) {
      return version_ < 3 ? type == number : (type & bit) != 0;
    };
    if (is(3, 32)) return DeviceKind::rdma;
    if (is(2, 16)) return DeviceKind::interface;
    return (is(1, 4) || is(5, 8)) && computes(name) ? DeviceKind::processor : DeviceKind::other;
  }

  void read_device(const XmlElement& element, Attributes& attributes, const Place& place) {
    const std::string name = attributes.text("name");
    const DeviceKind kind = kind_of(attributes, name);
    Function* function = place.in_device ? &draft_.functions[*place.function] : nullptr;
    if (kind == DeviceKind::processor) {
      if (function == nullptr) {
        return notes_.warn(element, "no function", format("{} is on no PCI device, and left out", printable(name)));
      }
      read_gpu(element, name, *function);
    } else if (kind != DeviceKind::other) {
      for (NetNode& net : nets_of(element, name, kind)) {
        if (function == nullptr) {
          draft_.loose.push_back({std::move(net), place.near});
        } else {
          function->nets.push_back(std::move(net));
        }
      }
      if (function != nullptr && kind == DeviceKind::interface) function->interfaces.push_back(name);
    }
    if (function != nullptr && function->computes && !function->nets.empty()) {
      notes_.refuse(element, "is in a PCIDev with a GPU and a network: it is one of them; give the other its own");
    }
  }

  void read_gpu(const XmlElement& element, const std::string& name, Function& function) {
    function.kind = PciKind::gpu, function.computes = true;
    // NVML's number is what the probe has; CUDA's counts what a process was let see.
    const auto of_nvml = number_after(name, "nvml");
    if (of_nvml || !function.ordinal) function.ordinal = of_nvml;
    if (!function.ordinal) function.ordinal = number_after(name, "cuda");
    if (!function.ordinal) function.ordinal = number_after(name, "rsmi");
    if (function.uuid.empty()) function.uuid = info_of(element, "NVIDIAUUID");
  }

  /// An interface, or the active ports of an RDMA device.
  std::vector<NetNode> nets_of(const XmlElement& element, const std::string& name, DeviceKind kind) {
    NetNode net;
    net.name = name;
    if (kind == DeviceKind::interface) return {net};
    net.guid = guid_in(element, "SysImageGUID");
    if (!net.guid) net.guid = guid_in(element, "NodeGUID");
    std::vector<NetNode> ports;
    bool has_ports = false;
    for (int port = 1; port <= kMostPorts; ++port) {
      const std::string state = info_of(element, format("Port{}State", port));
      if (state.empty()) break;
      has_ports = true;
      constexpr std::string_view kActive = "4";
      if (state == kActive) {
        net.port = port;
        ports.push_back(net);
      } else {
        notes_.warn(element, "ports", format("{} port {} is not active, and left out", printable(name), port));
      }
    }
    return has_ports ? ports : std::vector<NetNode>{net};
  }

  /// What a device is, once all of it is known.
  static void settle(Function& function) {
    if (!function.nets.empty()) function.kind = PciKind::nic;
    // One interface and one RDMA device with one port are the same wire.
    if (function.interfaces.size() != 1 || function.nets.size() != 2) return;
    const bool first = function.nets[0].name == function.interfaces.front();
    function.nets[first ? 0 : 1].rdma_device = function.nets[first ? 1 : 0].name;
  }

  FileNotes notes_;
  Draft draft_;
  std::int64_t version_ = 1;
  const XmlElement* machine_ = nullptr;
  std::map<std::string, std::int64_t> lines_;  ///< of functions, by bus id
};

}  // namespace

Machine read_hwloc_xml(const XmlElement& root, std::string_view file_name, std::vector<std::string>* warnings) {
  return Builder(file_name, warnings).build(root);
}

}  // namespace stretto::topology
