// What joins CUDA's GPUs.
#pragma once

#include "device/gpu.hpp"

namespace stretto {

/// Whether NVLink joins a device of this process with another one. False where CUDA does not tell: of a GPU that this
/// process does not see. Throws Error.
bool cuda_links_are_nvlink(int ordinal, const GpuUuid& peer);

}  // namespace stretto
