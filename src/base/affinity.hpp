// On which cores the calling thread may run, and on which socket these are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace stretto {

struct Affinity {
  std::int32_t n_cores = 1;
  std::int32_t socket = -1;  ///< of all of them; -1: on several, or not known
};

Affinity affinity();

/// That the calling thread may run on, in ascending order; none if the system does not say.
std::vector<std::size_t> allowed_cpus();

/// CPUs in a list as sysfs has it, "0-3,8,10-11"; nothing if it is not of that form, or names over a million.
std::optional<std::vector<std::size_t>> parse_cpu_list(const std::string& text);

}  // namespace stretto
