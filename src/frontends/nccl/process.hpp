// What of this process decides how calls are served: its environment, and whether it has a device.
#pragma once

#include "frontends/nccl/include/nccl.h"

namespace stretto::nccl {

/// First thing in all that makes an id or a communicator. ncclSuccess, or what is wrong with the environment.
ncclResult_t begin_process() noexcept;

/// STRETTO_TEST_NCCL_HOST: communicators and memory are the host's, for tests without a device.
bool on_host();
/// strettoConfig_t.device of new communicators and memory.
int device_of_new();

/// Where this process has no device NCCL finds that out before it looks at arguments: an error of CUDA's then comes in
/// the place of any other.
ncclResult_t with_device(ncclResult_t result) noexcept;

}  // namespace stretto::nccl
