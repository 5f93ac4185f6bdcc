#include "device/kernel.cuh"

namespace stretto::device {

KernelSet kernels_bytes() { return kernels_of<Bytes>(); }

}  // namespace stretto::device
