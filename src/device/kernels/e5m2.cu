#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_e5m2() { return kernels_of_type<ReduceE5m2>(); }

}  // namespace stretto::device
