#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_uint8() { return kernels_of_type<ReduceUint8>(); }

}  // namespace stretto::device
