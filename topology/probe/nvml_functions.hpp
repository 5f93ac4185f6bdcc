// The part of NVML's interface that nvml.cpp uses, declared anew from its documentation (NVML API Reference Guide):
// names that drivers since 535 have.
#pragma once

#include <array>

#include "topology/probe/shared_library.hpp"

namespace stretto::topology::nvml {

using Result = int;  ///< an enumeration there
using Device = void*;

inline constexpr Result kSuccess = 0;
inline constexpr unsigned kMostLinks = 18;  ///< of a GPU
inline constexpr int kEnabled = 1;

/// What a link leads to.
enum class Remote : int { gpu = 0, processor = 1, nv_switch = 2, unknown = 255 };

struct PciInfo {
  std::array<char, 16> bus_id_legacy{};  ///< with a domain of 4 digits
  unsigned domain = 0;
  unsigned bus = 0;
  unsigned device = 0;
  unsigned device_and_vendor = 0;  ///< device << 16 | vendor
  unsigned subsystem = 0;          ///< likewise
  std::array<char, 32> bus_id{};   ///< with a domain of 8 digits
};
static_assert(sizeof(PciInfo) == 68);

/// A question of many that one function answers.
struct FieldValue {
  unsigned field = 0;
  unsigned scope = 0;  ///< the link's number, of a field of links
  long long time = 0;
  long long latency = 0;
  int type = 0;  ///< of `value`: those used here are numbers of 32 bits, or of 64 of which the upper half is 0
  Result result = 0;
  unsigned long long value = 0;
};
static_assert(sizeof(FieldValue) == 40);

// Fields of the links between a GPU and the processor beside it (Grace).
inline constexpr unsigned kChipLinkCount = 170;
inline constexpr unsigned kChipLinkState = 171;  ///< 1: active
inline constexpr unsigned kChipLinkMegabytes_per_s = 172;

struct Functions {
  Result (*init)() = nullptr;
  Result (*shutdown)() = nullptr;
  const char* (*error_string)(Result) = nullptr;
  Result (*device_count)(unsigned*) = nullptr;
  Result (*device)(unsigned, Device*) = nullptr;
  Result (*pci_info)(Device, PciInfo*) = nullptr;
  Result (*uuid)(Device, char*, unsigned) = nullptr;
  Result (*compute_capability)(Device, int*, int*) = nullptr;
  Result (*link_state)(Device, unsigned, int*) = nullptr;
  Result (*link_remote)(Device, unsigned, int*) = nullptr;
  Result (*link_pci_info)(Device, unsigned, PciInfo*) = nullptr;
  Result (*field_values)(Device, int, FieldValue*) = nullptr;

  /// false: one is not there.
  bool find(const SharedLibrary& library) {
    return library.find("nvmlInit_v2", init) && library.find("nvmlShutdown", shutdown) &&
           library.find("nvmlErrorString", error_string) && library.find("nvmlDeviceGetCount_v2", device_count) &&
           library.find("nvmlDeviceGetHandleByIndex_v2", device) && library.find("nvmlDeviceGetPciInfo_v3", pci_info) &&
           library.find("nvmlDeviceGetUUID", uuid) &&
           library.find("nvmlDeviceGetCudaComputeCapability", compute_capability) &&
           library.find("nvmlDeviceGetNvLinkState", link_state) &&
           library.find("nvmlDeviceGetNvLinkRemoteDeviceType", link_remote) &&
           library.find("nvmlDeviceGetNvLinkRemotePciInfo_v2", link_pci_info) &&
           library.find("nvmlDeviceGetFieldValues", field_values);
  }
};

}  // namespace stretto::topology::nvml
