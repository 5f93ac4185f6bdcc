// NUMA nodes and processors: /sys/devices/system/{node,cpu} and /proc/cpuinfo.
#include <sys/utsname.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/affinity.hpp"
#include "base/text.hpp"
#include "topology/probe/draft.hpp"

namespace stretto::topology {
namespace {

constexpr const char* kNodes = "/sys/devices/system/node";
constexpr const char* kProcessors = "/sys/devices/system/cpu";

std::vector<std::int32_t> processors_in(const SystemFiles& files, const std::string& path) {
  std::vector<std::int32_t> found;
  const auto list = parse_cpu_list(files.text(path).value_or(""));
  if (!list) return found;
  for (const std::size_t processor : *list) found.push_back(static_cast<std::int32_t>(processor));
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

/// The socket of the first, if the others are among its siblings: two files, however many they are.
std::optional<std::int32_t> package_of(const SystemFiles& files, const std::vector<std::int32_t>& processors) {
  if (processors.empty()) return std::nullopt;
  const std::string at = format("{}/cpu{}/topology/", kProcessors, processors.front());
  std::vector<std::int32_t> package = processors_in(files, at + "package_cpus_list");
  if (package.empty()) package = processors_in(files, at + "core_siblings_list");  // before Linux 5.3
  if (!std::includes(package.begin(), package.end(), processors.begin(), processors.end())) return std::nullopt;
  return files.count(at + "physical_package_id");
}

/// As NCCL's files write it.
std::string architecture() {
  utsname system{};
  if (::uname(&system) != 0) return "";
  const std::string_view machine = system.machine;
  if (machine == "aarch64") return "arm64";
  if (machine == "ppc64le") return "ppc64";
  return std::string(machine);
}

/// Of the first processor in /proc/cpuinfo: what comes after `key` and a colon.
std::string_view cpuinfo_value(std::string_view cpuinfo, std::string_view key) {
  while (!cpuinfo.empty() && cpuinfo.front() != '\n') {
    const std::size_t end = cpuinfo.find('\n');
    const std::string_view line = cpuinfo.substr(0, end);
    cpuinfo.remove_prefix(end == cpuinfo.npos ? cpuinfo.size() : end + 1);
    const std::size_t colon = line.find(':');
    if (colon == line.npos) continue;
    const std::string_view name = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    if (name != key) continue;
    const std::string_view value = line.substr(colon + 1);
    return value.substr(std::min(value.find_first_not_of(" \t"), value.size()));
  }
  return {};
}

/// Arm's code of who makes the processor (MIDR_EL1.Implementer), for those that hosts of GPUs have.
std::string implementer(std::string_view code) {
  struct Row {
    std::string_view code, name;
  };
  static constexpr std::array<Row, 6> kRows = {{{"0x41", "ARM"},
                                                {"0x43", "Cavium"},
                                                {"0x46", "Fujitsu"},
                                                {"0x48", "HiSilicon"},
                                                {"0x4e", "NVIDIA"},
                                                {"0xc0", "Ampere"}}};
  const auto* const row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& r) { return r.code == code; });
  return std::string(row == kRows.end() ? code : row->name);
}

std::optional<std::int32_t> small_number(std::string_view text) {
  const auto value = parse_number(text);
  if (!value || *value < 0 || *value > 0xffff) return std::nullopt;
  return static_cast<std::int32_t>(*value);
}

void fill_model(NumaNode& node, std::string_view cpuinfo) {
  if (node.architecture.empty()) node.architecture = architecture();
  if (node.vendor.empty()) node.vendor = cpuinfo_value(cpuinfo, "vendor_id");
  if (node.vendor.empty()) node.vendor = implementer(cpuinfo_value(cpuinfo, "CPU implementer"));
  if (!node.family) node.family = small_number(cpuinfo_value(cpuinfo, "cpu family"));
  if (!node.model) node.model = small_number(cpuinfo_value(cpuinfo, "model"));
  if (!node.model) node.model = small_number(cpuinfo_value(cpuinfo, "CPU part"));
}

void read_nodes(const SystemFiles& files, Draft& draft) {
  for (const std::string& name : files.names(kNodes)) {
    if (name.substr(0, 4) != "node") continue;
    const auto number = parse_number(std::string_view(name).substr(4));
    if (!number || *number < 0 || *number > 0xffff) continue;
    const auto id = static_cast<std::int32_t>(*number);
    NumaNode& node = draft.numa[id];
    node.numa_id = id;
    if (!node.processors.empty()) continue;
    node.processors = processors_in(files, format("{}/{}/cpulist", kNodes, name));
  }
}

/// All processors as one node, for systems that show none with processors in it.
void make_only_node(const SystemFiles& files, Draft& draft) {
  draft.remark(RemarkKind::missing, kNodes, " does not say which processors are in which NUMA node: they count as one");
  draft.numa.clear();
  NumaNode& node = draft.numa[Draft::kUnnumbered];
  node.processors = processors_in(files, std::string(kProcessors) + "/online");
  if (!node.processors.empty()) return;
  draft.remark(RemarkKind::missing, std::string(kProcessors) + "/online",
               " was not found: only the processors that this thread may run on are seen");
  for (const std::size_t processor : allowed_cpus()) node.processors.push_back(static_cast<std::int32_t>(processor));
}

}  // namespace

void read_processors(const Sight& sight, Draft& draft) {
  const SystemFiles& files = sight.files;
  read_nodes(files, draft);
  const bool is_known = std::any_of(draft.numa.begin(), draft.numa.end(),
                                    [](const auto& entry) { return !entry.second.processors.empty(); });
  if (!is_known) make_only_node(files, draft);
  const std::string cpuinfo = files.head("/proc/cpuinfo");
  for (auto& [id, node] : draft.numa) {
    if (!node.package) node.package = package_of(files, node.processors);
    fill_model(node, cpuinfo);
  }
}

}  // namespace stretto::topology
