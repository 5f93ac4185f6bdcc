#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_uint32() { return kernels_of_type<ReduceUint32>(); }

}  // namespace stretto::device
