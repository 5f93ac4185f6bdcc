#include "device/cuda_links.hpp"

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "device/cuda_context.hpp"
#include "device/cuda_runtime.hpp"

namespace stretto {
namespace {

GpuUuid uuid_of(int ordinal) {
  cudaDeviceProp properties{};
  const cudaError_t error = cudaGetDeviceProperties(&properties, ordinal);
  if (error != cudaSuccess) fail_cuda(error, "cudaGetDeviceProperties", ordinal);
  GpuUuid uuid{};
  static_assert(sizeof(properties.uuid) == sizeof(GpuUuid));
  std::memcpy(uuid.data(), &properties.uuid, sizeof uuid);
  return uuid;
}

/// Of the devices of this process, by ordinal: asked for once, since it takes a while.
const std::vector<GpuUuid>& uuids() {
  static const std::vector<GpuUuid> all = [] {
    std::vector<GpuUuid> found;
    for (int ordinal = 0; ordinal < cuda_status().n_devices; ++ordinal) found.push_back(uuid_of(ordinal));
    return found;
  }();
  return all;
}

}  // namespace

bool cuda_links_are_nvlink(int ordinal, const GpuUuid& peer) {
  const auto found = std::ranges::find(uuids(), peer);
  if (found == uuids().end()) return false;
  const auto peers_ordinal = static_cast<int>(found - uuids().begin());
  const auto has = [&](cudaDeviceP2PAttr attribute) {
    int value = 0;
    const cudaError_t error = cudaDeviceGetP2PAttribute(&value, attribute, ordinal, peers_ordinal);
    if (error != cudaSuccess) fail_cuda(error, "cudaDeviceGetP2PAttribute", ordinal);
    return value != 0;
  };
  // Over PCIe these GPUs do no atomics by themselves, or not all.
  return has(cudaDevP2PAttrNativeAtomicSupported) && !has(cudaDevP2PAttrOnlyPartialNativeAtomicSupported);
}

}  // namespace stretto
