// Memory that the library hands out to its callers (strettoMemAlloc), and that they hand back: which there is, and what
// of. In a forked child none of the parent's is known.
#pragma once

#include <cstddef>

namespace stretto {

/// strettoConfig_t.device of what allocate_memory is to use where its caller has no wish: the current CUDA device, or
/// the host where there is none.
int usual_device();

/// Of a device as strettoConfig_t.device names it: whole pages of a GPU, which other GPUs of this process may use too
/// as far as they can, and other processes may come to map; or pages of the host. Throws Error.
void* allocate_memory(std::size_t bytes, int device);

/// False: it is none that allocate_memory gave to this process, or it was freed before.
bool free_memory(void* memory);

}  // namespace stretto
