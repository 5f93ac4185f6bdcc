#include "base/affinity.hpp"

#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fstream>

#include "base/text.hpp"

namespace stretto {
namespace {

constexpr std::size_t kMostCpus = std::size_t{1} << 20;

std::string topology_line(std::size_t cpu, const char* name) {
  std::ifstream file(format("/sys/devices/system/cpu/cpu{}/topology/{}", cpu, name));
  std::string line;
  std::getline(file, line);
  return line;
}

/// The socket of the first CPU, if the others are among its siblings: two files, however many CPUs there are.
std::int32_t socket_of(const std::vector<std::size_t>& cpus) {
  if (cpus.empty()) return -1;
  const std::string number = topology_line(cpus.front(), "physical_package_id");
  std::int32_t socket = -1;
  std::from_chars(number.data(), number.data() + number.size(), socket);
  std::string siblings = topology_line(cpus.front(), "package_cpus_list");
  if (siblings.empty()) siblings = topology_line(cpus.front(), "core_siblings_list");  // before Linux 5.3
  const auto package = parse_cpu_list(siblings);
  if (!package || socket < 0) return -1;
  return std::includes(package->begin(), package->end(), cpus.begin(), cpus.end()) ? socket : -1;
}

}  // namespace

std::vector<std::size_t> allowed_cpus() {
  std::vector<std::size_t> cpus;
  for (std::size_t most = 1024; most <= kMostCpus; most *= 2) {
    std::vector<std::uint64_t> mask(most / 64);
    auto* set = reinterpret_cast<cpu_set_t*>(mask.data());
    if (sched_getaffinity(0, most / 8, set) == 0) {
      for (std::size_t cpu = 0; cpu < most; ++cpu) {
        if (CPU_ISSET_S(cpu, most / 8, set)) cpus.push_back(cpu);
      }
      break;
    }
    if (errno != EINVAL) break;  // EINVAL: the kernel has more CPUs than the mask
  }
  return cpus;
}

std::optional<std::vector<std::size_t>> parse_cpu_list(const std::string& text) {
  std::vector<std::size_t> cpus;
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::size_t first = 0;
    const auto [after_first, error] = std::from_chars(at, end, first);
    if (error != std::errc{}) return std::nullopt;
    std::size_t last = first;
    at = after_first;
    if (at != end && *at == '-') {
      const auto [after_last, last_error] = std::from_chars(at + 1, end, last);
      if (last_error != std::errc{}) return std::nullopt;
      at = after_last;
    }
    if (last < first || last >= kMostCpus || cpus.size() + (last - first) >= kMostCpus) return std::nullopt;
    for (std::size_t cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at == end) break;
    if (*at != ',' || ++at == end) return std::nullopt;
  }
  std::sort(cpus.begin(), cpus.end());
  return cpus;
}

Affinity affinity() {
  const std::vector<std::size_t> cpus = allowed_cpus();
  return {std::max(1, static_cast<std::int32_t>(cpus.size())), socket_of(cpus)};
}

}  // namespace stretto
