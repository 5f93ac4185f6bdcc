#include "conversions_on_chip.hpp"
#include "device/arithmetic.hpp"

namespace stretto::test {
namespace {

constexpr std::uint32_t kBlocks = 1024;
constexpr std::uint32_t kThreads = 256;

__device__ std::uint32_t bits_of(float value) { return __float_as_uint(value); }
__device__ bool is_nan(float value) { return (bits_of(value) & 0x7fffffffU) > 0x7f800000U; }

template <class Chip, class Plain>
__global__ void compare(Differences* differences) {
  using Bits = typename Plain::Bits;
  const std::uint64_t first = static_cast<std::uint64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  for (std::uint64_t pattern = first; pattern < std::uint64_t{1} << (8 * sizeof(Bits)); pattern += kBlocks * kThreads) {
    const float wide = Chip::decode(static_cast<Bits>(pattern));
    const float plain = Plain::decode(static_cast<Bits>(pattern));
    if (is_nan(wide) && is_nan(plain)) continue;
    if (bits_of(wide) == bits_of(plain)) continue;
    atomicAdd(&differences->widened, 1ULL);
    atomicMin(&differences->first_widened, static_cast<std::uint32_t>(pattern));
  }
  for (std::uint64_t pattern = first; pattern < std::uint64_t{1} << 32; pattern += kBlocks * kThreads) {
    const float value = __uint_as_float(static_cast<std::uint32_t>(pattern));
    if (Chip::encode(value) == Plain::encode(value)) continue;
    atomicAdd(&differences->narrowed, 1ULL);
    atomicMin(&differences->first_narrowed, static_cast<std::uint32_t>(pattern));
  }
}

}  // namespace

cudaError_t compare_conversions(NarrowFormat format, Differences* differences) {
  switch (format) {
    case NarrowFormat::half:
      compare<device::ChipHalf, device::Half><<<kBlocks, kThreads>>>(differences);
      break;
    case NarrowFormat::bfloat16:
      compare<device::ChipBfloat16, device::Bfloat16><<<kBlocks, kThreads>>>(differences);
      break;
    case NarrowFormat::e4m3:
      compare<device::ChipFp8E4m3, device::Fp8E4m3><<<kBlocks, kThreads>>>(differences);
      break;
    case NarrowFormat::e5m2:
      compare<device::ChipFp8E5m2, device::Fp8E5m2><<<kBlocks, kThreads>>>(differences);
      break;
  }
  return cudaGetLastError();
}

}  // namespace stretto::test
