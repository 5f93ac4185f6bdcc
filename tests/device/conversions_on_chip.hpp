// The conversions of kernels held to the host's, on a GPU.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

namespace stretto::test {

/// Of one format: how many patterns come out otherwise than by base/arithmetic, and the least of them.
struct Differences {
  unsigned long long widened = 0;   ///< of the format's patterns, as floats; all NaNs are one here
  unsigned long long narrowed = 0;  ///< of the patterns of floats: all 2^32
  std::uint32_t first_widened = UINT32_MAX;
  std::uint32_t first_narrowed = UINT32_MAX;
};

enum class NarrowFormat : std::uint8_t { half, bfloat16, e4m3, e5m2 };

/// `differences` is device memory, as by default; filled in when the device has run it.
cudaError_t compare_conversions(NarrowFormat format, Differences* differences);

}  // namespace stretto::test
