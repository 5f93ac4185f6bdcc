#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_e4m3() { return kernels_of_type<ReduceE4m3>(); }

}  // namespace stretto::device
