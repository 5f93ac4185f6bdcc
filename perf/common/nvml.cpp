#include "perf/common/nvml.hpp"

#include <dlfcn.h>

#include <array>

namespace stretto::perf {
namespace {

// The library's functions return 0 for success; its numbers of clocks.
constexpr int kSmClock = 1;
constexpr int kMemoryClock = 2;

struct Nvml {
  using Device = void*;
  int (*init)() = nullptr;
  int (*driver_version)(char*, unsigned) = nullptr;
  int (*device_by_uuid)(const char*, Device*) = nullptr;
  int (*clock)(Device, int, unsigned*) = nullptr;
  int (*most_clock)(Device, int, unsigned*) = nullptr;
  int (*throttle_reasons)(Device, unsigned long long*) = nullptr;
  bool there = false;

  Nvml() {
    void* const library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) return;
    find(library, "nvmlInit_v2", init);
    find(library, "nvmlSystemGetDriverVersion", driver_version);
    find(library, "nvmlDeviceGetHandleByUUID", device_by_uuid);
    find(library, "nvmlDeviceGetClockInfo", clock);
    find(library, "nvmlDeviceGetMaxClockInfo", most_clock);
    find(library, "nvmlDeviceGetCurrentClocksThrottleReasons", throttle_reasons);
    there = init != nullptr && driver_version != nullptr && device_by_uuid != nullptr && clock != nullptr &&
            most_clock != nullptr && init() == 0;
  }

  template <typename Function>
  static void find(void* library, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(library, name));
  }
};

const Nvml& nvml() {
  static const Nvml loaded;
  return loaded;
}

}  // namespace

std::optional<GpuClocks> gpu_clocks(const std::string& uuid) {
  Nvml::Device device = nullptr;
  if (uuid.empty() || !nvml().there || nvml().device_by_uuid(uuid.c_str(), &device) != 0) return std::nullopt;
  GpuClocks clocks;
  if (nvml().clock(device, kSmClock, &clocks.sm_mhz) != 0) return std::nullopt;
  if (nvml().most_clock(device, kSmClock, &clocks.most_sm_mhz) != 0) clocks.most_sm_mhz = 0;
  if (nvml().clock(device, kMemoryClock, &clocks.memory_mhz) != 0) clocks.memory_mhz = 0;
  if (nvml().throttle_reasons == nullptr || nvml().throttle_reasons(device, &clocks.throttle_reasons) != 0) {
    clocks.throttle_reasons = 0;
  }
  return clocks;
}

std::string gpu_driver_version() {
  std::array<char, 96> text{};
  if (!nvml().there || nvml().driver_version(text.data(), static_cast<unsigned>(text.size())) != 0) return {};
  return text.data();
}

}  // namespace stretto::perf
