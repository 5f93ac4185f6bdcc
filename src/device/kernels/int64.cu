#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_int64() { return kernels_of_type<ReduceInt64>(); }

}  // namespace stretto::device
