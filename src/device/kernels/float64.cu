#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_float64() { return kernels_of_type<ReduceFloat64>(); }

}  // namespace stretto::device
