#include "device/kernel.cuh"

namespace stretto::device {

KernelPair kernels_bytes() { return kernels_of<Bytes>(); }

}  // namespace stretto::device
