#include "waiting_kernel.hpp"

namespace stretto::test {
namespace {

/// Some ten seconds.
constexpr long long kMostCycles = 15'000'000'000;

__global__ void wait_for(const volatile int* released, volatile int* gave_up) {
  const long long start = clock64();
  while (*released == 0) {
    if (clock64() - start < kMostCycles) continue;
    *gave_up = 1;
    break;
  }
}

__global__ void do_nothing() {}

}  // namespace

cudaError_t launch_waiting_kernel(const volatile int* released, volatile int* gave_up, cudaStream_t stream) {
  wait_for<<<1, 32, 0, stream>>>(released, gave_up);
  return cudaGetLastError();
}

cudaError_t launch_short_kernel(cudaStream_t stream) {
  do_nothing<<<1, 32, 0, stream>>>();
  return cudaGetLastError();
}

}  // namespace stretto::test
