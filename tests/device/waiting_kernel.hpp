// A kernel that waits for the host, as those of collectives wait for other ranks.
#pragma once

#include <cuda_runtime_api.h>

namespace stretto::test {

/// One warp, until *released is no longer 0; after some ten seconds it gives up, and says so.
cudaError_t launch_waiting_kernel(const volatile int* released, volatile int* gave_up, cudaStream_t stream);
/// Ends at once.
cudaError_t launch_short_kernel(cudaStream_t stream);

}  // namespace stretto::test
