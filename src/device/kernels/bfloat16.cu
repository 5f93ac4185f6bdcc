#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_bfloat16() { return kernels_of_type<ReduceBfloat16>(); }

}  // namespace stretto::device
