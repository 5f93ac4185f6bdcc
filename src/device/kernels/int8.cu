#include "device/kernel.cuh"

namespace stretto::device {

TypeKernels kernels_int8() { return kernels_of_type<ReduceInt8>(); }

}  // namespace stretto::device
