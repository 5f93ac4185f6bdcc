// What a process holds, as /proc shows it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace stretto::perf {

struct Holdings {
  std::int64_t private_kib = 0;  ///< anonymous memory
  std::int64_t shared_kib = 0;   ///< this rank's share of pages that it shares
  std::int64_t tables_kib = 0;   ///< page tables
  int descriptors = 0;
  int threads = 0;
};

inline std::int64_t field_kib(const char* file, const char* name) {
  std::ifstream lines(file);
  const std::string wanted = std::string(name) + ":";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(wanted)) return std::atoll(line.c_str() + wanted.size());
  }
  return 0;
}

inline int entries(const char* folder) {
  return static_cast<int>(
      std::distance(std::filesystem::directory_iterator(folder), std::filesystem::directory_iterator()));
}

/// Of this process, now.
inline Holdings look() {
  Holdings holdings;
  holdings.private_kib = field_kib("/proc/self/smaps_rollup", "Pss_Anon");
  holdings.shared_kib = field_kib("/proc/self/smaps_rollup", "Pss_Shmem");
  holdings.tables_kib = field_kib("/proc/self/status", "VmPTE");
  holdings.descriptors = entries("/proc/self/fd");
  holdings.threads = entries("/proc/self/task");
  return holdings;
}

}  // namespace stretto::perf
