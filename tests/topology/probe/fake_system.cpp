#include "topology/probe/fake_system.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace stretto::test {
namespace {

namespace fs = std::filesystem;

const std::map<std::string, std::string> kClasses = {
    {"gpu", "0x030200"}, {"nic", "0x020000"}, {"bridge", "0x060400"}, {"nvswitch", "0x068000"}};

/// "0x10de" of "10de".
std::string hexadecimal(const std::string& digits) { return digits.substr(0, 2) == "0x" ? digits : "0x" + digits; }

std::string value_of(const std::map<std::string, std::string>& keys, const std::string& key, const std::string& other) {
  const auto found = keys.find(key);
  return found == keys.end() ? other : found->second;
}

std::vector<std::string> processors_of(const std::string& list) {
  std::vector<std::string> found;
  std::istringstream parts(list);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    const int first = std::stoi(part);
    const int last = dash == std::string::npos ? first : std::stoi(part.substr(dash + 1));
    for (int i = first; i <= last; ++i) found.push_back(std::to_string(i));
  }
  return found;
}

}  // namespace

FakeSystem::FakeSystem(std::string_view description) {
  std::string name = fs::temp_directory_path() / "stretto-system-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  root_ = name;
  std::istringstream lines{std::string(description)};
  for (std::string line; std::getline(lines, line);) lay_out(line);
}

FakeSystem::~FakeSystem() {
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

void FakeSystem::file(std::string_view inside, std::string_view text) const {
  fs::create_directories(path(inside).parent_path());
  std::ofstream(path(inside)) << text << (text.empty() ? "" : "\n");
}

void FakeSystem::remove(std::string_view inside) const { fs::remove_all(path(inside)); }

void FakeSystem::link(std::string_view inside, std::string_view target) const {
  const fs::path at = path(inside);
  fs::create_directories(at.parent_path());
  fs::create_directory_symlink(fs::relative(path(target), at.parent_path()), at);
}

void FakeSystem::lay_out(const std::string& line) {
  std::istringstream words(line);
  std::string what;
  std::vector<std::string> plain;
  Keys keys;
  if (!(words >> what)) return;
  if (what == "file") {
    std::string where;
    std::string text;
    words >> where >> std::ws;
    std::getline(words, text);
    return file(where, text);
  }
  for (std::string word; words >> word;) {
    if (const std::size_t equals = word.find('='); equals != std::string::npos) {
      keys[word.substr(0, equals)] = word.substr(equals + 1);
    } else {
      plain.push_back(word);
    }
  }
  plain.resize(2);
  if (what == "cpuinfo") {
    file("/proc/cpuinfo",
         "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 143\nmodel name\t: made "
         "up\nflags\t\t: fpu vme " +
             plain[1] + " sse\n\nprocessor\t: 1\nvendor_id\t: other\n");
  } else if (what == "node") {
    add_node(plain[0], plain[1], keys);
  } else if (what == "pci") {
    add_function(plain[0], keys);
  } else if (what == "net") {
    add_interface(plain[0], keys);
  } else if (what == "rdma") {
    add_rdma(plain[0], keys);
  } else if (what == "port") {
    add_port(plain[0], plain[1], keys);
  } else {
    throw std::runtime_error("no such line: " + line);
  }
}

void FakeSystem::add_node(const std::string& id, const std::string& list, const Keys& keys) const {
  file("/sys/devices/system/node/node" + id + "/cpulist", list);
  const auto package = keys.find("package");
  if (package == keys.end()) return;
  for (const std::string& processor : processors_of(list)) {
    const std::string at = "/sys/devices/system/cpu/cpu" + processor + "/topology/";
    file(at + "physical_package_id", package->second);
    file(at + "package_cpus_list", list);
  }
}

void FakeSystem::add_function(const std::string& chain, const Keys& keys) {
  const std::string bus_id = chain.substr(chain.rfind('/') + 1);
  const std::string at = "/sys/devices/pci" + chain.substr(0, 7) + "/" + chain;
  path_of_[bus_id] = at;
  link("/sys/bus/pci/devices/" + bus_id, at);
  const std::string kind = value_of(keys, "kind", "bridge");
  file(at + "/class", value_of(keys, "class", kClasses.at(kind)));
  file(at + "/vendor", hexadecimal(value_of(keys, "vendor", kind == "gpu" || kind == "nvswitch" ? "10de" : "15b3")));
  file(at + "/device", hexadecimal(value_of(keys, "device", "1234")));
  file(at + "/numa_node", value_of(keys, "numa", "-1"));
  if (keys.count("speed") != 0) file(at + "/max_link_speed", keys.at("speed") + " GT/s PCIe");
  if (keys.count("width") != 0) file(at + "/max_link_width", keys.at("width"));
  if (keys.count("now") != 0) file(at + "/current_link_speed", keys.at("now") + " GT/s PCIe");
  if (keys.count("lanes") != 0) file(at + "/current_link_width", keys.at("lanes"));
  if (keys.count("physfn") != 0) link(at + "/physfn", path_of_.at(keys.at("physfn")));
  if (keys.count("group") == 0) return;
  fs::create_directories(path("/sys/kernel/iommu_groups/" + keys.at("group")));
  link(at + "/iommu_group", "/sys/kernel/iommu_groups/" + keys.at("group"));
}

std::string FakeSystem::device_path(const Keys& keys, const std::string& class_name, const std::string& name) const {
  const std::string above = keys.count("at") != 0 ? path_of_.at(keys.at("at")) : "/sys/devices/virtual";
  return above + "/" + class_name + "/" + name;
}

void FakeSystem::add_interface(const std::string& name, const Keys& keys) {
  const std::string at = device_path(keys, "net", name);
  link("/sys/class/net/" + name, at);
  file(at + "/type", value_of(keys, "type", "1"));
  file(at + "/operstate", value_of(keys, "state", "up"));
  file(at + "/flags", value_of(keys, "flags", "0x1003"));
  if (keys.count("speed") != 0) file(at + "/speed", keys.at("speed"));
  if (keys.count("dev_port") != 0) file(at + "/dev_port", keys.at("dev_port"));
  if (keys.count("master") != 0) link(at + "/master", "/sys/devices/virtual/net/" + keys.at("master"));
}

void FakeSystem::add_rdma(const std::string& name, const Keys& keys) {
  const std::string at = device_path(keys, "infiniband", name);
  fs::create_directories(path(at));
  link("/sys/class/infiniband/" + name, at);
  if (keys.count("at") != 0) link(at + "/device", path_of_.at(keys.at("at")));
  if (keys.count("guid") != 0) file(at + "/sys_image_guid", keys.at("guid"));
  if (keys.count("node_guid") != 0) file(at + "/node_guid", keys.at("node_guid"));
  if (keys.count("parent") != 0) file(at + "/parent", keys.at("parent"));
}

void FakeSystem::add_port(const std::string& device, const std::string& number, const Keys& keys) const {
  const std::string at = "/sys/class/infiniband/" + device + "/ports/" + number;
  file(at + "/state", value_of(keys, "state", "4") + ": SOMEHOW");
  file(at + "/rate", value_of(keys, "rate", "100") + " Gb/sec (4X EDR)");
  if (keys.count("layer") != 0) file(at + "/link_layer", keys.at("layer"));
  if (keys.count("netdev") != 0) file(at + "/gid_attrs/ndevs/0", keys.at("netdev"));
}

topology::Probe probe(const FakeSystem& system, bool all_bridges) {
  topology::ProbeOptions options;
  options.root = system.root();
  options.hwloc_library = "", options.nvml_library = "", options.verbs_library = "";
  options.all_bridges = all_bridges;
  return topology::probe_machine(options);
}

}  // namespace stretto::test
