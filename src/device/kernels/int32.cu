#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_int32() { return kernels_of_type<ReduceInt32>(); }

}  // namespace stretto::device
