#include "device/kernel.cuh"

namespace stretto::device {

KernelSet kernels_bytes() { return kernels_of<Bytes>(); }
const void* kernel_pairs() { return reinterpret_cast<const void*>(run_program<Pairs>); }

}  // namespace stretto::device
