// CUDA's GPUs; in a build without nvcc there are none.
#pragma once

#include "device/gpu.hpp"

namespace stretto {

GpuProvider& cuda_gpus();

}  // namespace stretto
