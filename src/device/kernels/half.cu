#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_half() { return kernels_of_type<ReduceHalf>(); }

}  // namespace stretto::device
