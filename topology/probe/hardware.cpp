#include "topology/probe/hardware.hpp"

#include <cstdint>
#include <map>

#include "base/affinity.hpp"
#include "base/text.hpp"

namespace stretto::topology {
namespace {

constexpr std::size_t kMostFactLetters = 96;

/// Of the first line "key<white space>: value": up to the line's end, of printable letters alone.
std::string value_in(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(':');
    if (colon == line.npos || line.substr(key.size(), colon - key.size()).find_first_not_of(" \t") != line.npos)
      continue;
    std::string value;
    for (const char letter : line.substr(colon + 1)) {
      const bool is_plain = letter > ' ' && letter <= '~' && letter != ';' && letter != '"' && letter != '\\';
      if (is_plain) value += letter;
      if (letter == ' ' && !value.empty() && value.back() != ' ') value += ' ';
      if (value.size() == kMostFactLetters) break;
    }
    while (!value.empty() && value.back() == ' ') value.pop_back();
    return value;
  }
  return "";
}

std::string processor(const SystemFiles& files) {
  const std::string cpuinfo = files.head("/proc/cpuinfo");
  if (std::string model = value_in(cpuinfo, "model name"); !model.empty()) return model;
  const std::string implementer = value_in(cpuinfo, "CPU implementer");  // Arm names no model
  return implementer.empty() ? "" : format("{} {}", implementer, value_in(cpuinfo, "CPU part"));
}

std::size_t count_in(const SystemFiles& files, const std::string& path) {
  const auto list = parse_cpu_list(files.text(path).value_or(""));
  return list ? list->size() : 0;
}

/// Rounded: kernels keep a little more or less of it for themselves.
std::uint64_t memory_gib(const SystemFiles& files) {
  const std::string total = value_in(files.head("/proc/meminfo"), "MemTotal");
  const auto kib = parse_number(total.substr(0, total.find(' ')));
  constexpr std::int64_t kGib = std::int64_t{1} << 20;
  return kib && *kib > 0 ? static_cast<std::uint64_t>((*kib + kGib / 2) / kGib) : 0;
}

std::string gpus(const SystemFiles& files) {
  constexpr const char* kFolder = "/proc/driver/nvidia/gpus";
  std::map<std::string, int> models;
  for (const std::string& name : files.names(kFolder)) {
    ++models[value_in(files.head(format("{}/{}/information", kFolder, name)), "Model")];
  }
  std::string text;
  for (const auto& [model, count] : models) text += format("{}{} x {}", text.empty() ? "" : ", ", count, model);
  return text;
}

}  // namespace

std::string hardware_facts(const SystemFiles& files) {
  std::string facts = format("cpu={}", processor(files));
  const auto add = [&](const char* name, std::uint64_t value) {
    if (value != 0) facts += format("; {}={}", name, value);
  };
  add("cores", count_in(files, "/sys/devices/system/cpu/online"));
  add("package_cores", count_in(files, "/sys/devices/system/cpu/cpu0/topology/package_cpus_list"));
  add("nodes", count_in(files, "/sys/devices/system/node/online"));
  add("memory_gib", memory_gib(files));
  if (const std::string found = gpus(files); !found.empty()) facts += format("; gpus={}", found);
  return facts;
}

std::string fingerprint_of(std::string_view facts) {
  // FNV-1a. Nothing depends on it being hard to hit: the file itself says of which hardware it is.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const char letter : facts) hash = (hash ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return format("{:016x}", hash);
}

}  // namespace stretto::topology
