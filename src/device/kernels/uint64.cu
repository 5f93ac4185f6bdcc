#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_uint64() { return kernels_of_type<ReduceUint64>(); }

}  // namespace stretto::device
