// Clocks of GPUs from NVIDIA's management library, where it is installed: loaded at run time, and not needed.
#pragma once

#include <optional>
#include <string>

namespace stretto::perf {

struct GpuClocks {
  unsigned sm_mhz = 0;
  unsigned most_sm_mhz = 0;
  unsigned memory_mhz = 0;
  unsigned long long throttle_reasons = 0;  ///< bits, as the library defines them; 0: none
};

/// Now, of the GPU with this UUID. None if the library is not there or does not know the GPU.
std::optional<GpuClocks> gpu_clocks(const std::string& uuid);
/// "580.95.05"; empty if the library is not there.
std::string gpu_driver_version();

}  // namespace stretto::perf
