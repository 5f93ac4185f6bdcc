#include "topology/probe/fake_nvml.hpp"

#include <cstdio>
#include <cstring>

using stretto::test::FakeGpu;
using stretto::test::FakeLink;
using stretto::test::FakeNvml;

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr int kSuccess = 0;
constexpr int kInvalid = 2;
constexpr int kNotSupported = 3;

FakeNvml state;

/// nvmlPciInfo_t of NVML's documentation.
struct PciInfo {
  char bus_id_legacy[16];
  unsigned domain, bus, device, pci_device_id, pci_subsystem_id;
  char bus_id[32];
};

void tell(const char* bus_id, PciInfo* info) {
  std::memset(info, 0, sizeof *info);
  std::snprintf(info->bus_id, sizeof info->bus_id, "%s", bus_id);
  std::snprintf(info->bus_id_legacy, sizeof info->bus_id_legacy, "%s", "legacy");
  info->pci_device_id = 0x233010de;
}

const FakeLink* link_of(void* device, unsigned link) {
  auto* gpu = static_cast<FakeGpu*>(device);
  return link < gpu->links.size() && gpu->links[link].state >= 0 ? &gpu->links[link] : nullptr;
}

}  // namespace

EXPORTED FakeNvml* fake_nvml_state() { return &state; }

EXPORTED int nvmlInit_v2() {
  if (state.init_result == 0) ++state.n_starts;
  return state.init_result;
}
EXPORTED int nvmlShutdown() {
  ++state.n_stops;
  return kSuccess;
}
EXPORTED const char* nvmlErrorString(int result) { return result == 9 ? "Driver Not Loaded" : "another"; }
EXPORTED int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = state.n_gpus;
  return kSuccess;
}
EXPORTED int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  if (index >= state.gpus.size()) return kInvalid;
  *device = &state.gpus[index];
  return kSuccess;
}
EXPORTED int nvmlDeviceGetPciInfo_v3(void* device, PciInfo* info) {
  tell(static_cast<FakeGpu*>(device)->bus_id, info);
  return kSuccess;
}
EXPORTED int nvmlDeviceGetUUID(void* device, char* text, unsigned length) {
  const char* const uuid = static_cast<FakeGpu*>(device)->uuid;
  if (uuid == nullptr) return kNotSupported;
  std::snprintf(text, length, "%s", uuid);
  return kSuccess;
}
EXPORTED int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  const auto* gpu = static_cast<FakeGpu*>(device);
  *major = gpu->major, *minor = gpu->minor;
  return gpu->major == 0 ? kNotSupported : kSuccess;
}
EXPORTED int nvmlDeviceGetNvLinkState(void* device, unsigned link, int* is_active) {
  const FakeLink* const found = link_of(device, link);
  if (found == nullptr) return kInvalid;
  *is_active = found->state;
  return kSuccess;
}
EXPORTED int nvmlDeviceGetNvLinkRemoteDeviceType(void* device, unsigned link, int* type) {
  const FakeLink* const found = link_of(device, link);
  if (found == nullptr) return kInvalid;
  *type = found->remote;
  return kSuccess;
}
EXPORTED int nvmlDeviceGetNvLinkRemotePciInfo_v2(void* device, unsigned link, PciInfo* info) {
  const FakeLink* const found = link_of(device, link);
  if (found == nullptr || found->bus_id == nullptr) return kNotSupported;
  tell(found->bus_id, info);
  return kSuccess;
}

/// nvmlFieldValue_t of NVML's documentation.
struct FieldValue {
  unsigned field_id, scope_id;
  long long timestamp, latency_us;
  int value_type, result;
  union {
    double dVal;
    unsigned uiVal;
    unsigned long long ullVal;
  } value;
};

EXPORTED int nvmlDeviceGetFieldValues(void* device, int count, FieldValue* values) {
  const auto* gpu = static_cast<FakeGpu*>(device);
  for (int i = 0; i < count; ++i) {
    FieldValue& value = values[i];
    value.result = gpu->n_chip_links == 0 ? kNotSupported : kSuccess;
    if (value.field_id == 170) {
      value.value.uiVal = gpu->n_chip_links;
    } else if (value.scope_id >= gpu->n_chip_links) {
      value.result = kInvalid;
    } else if (value.field_id == 171) {
      value.value.uiVal = value.scope_id + 1 < gpu->n_chip_links ? 1 : 0;
    } else if (value.field_id == 172) {
      value.value.uiVal = gpu->chip_link_megabytes_per_s;
    } else {
      value.result = kInvalid;
    }
  }
  return kSuccess;
}
