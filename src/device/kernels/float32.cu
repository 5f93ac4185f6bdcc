#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_float32() { return kernels_of_type<ReduceFloat32>(); }

}  // namespace stretto::device
