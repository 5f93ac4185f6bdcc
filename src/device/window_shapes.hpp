// How large the windows of device communicators are.
#pragma once

#include "device/window.hpp"

namespace stretto {

/// Of the eager lane. Slots are smaller where there are many peers: the windows of 64 channels take 24 MiB at 2 ranks,
/// 28 MiB at 8.
device::WindowShape window_shape(int n_ranks, int channels);

/// Of lanes of captures, which have smaller slots, since there are many of them: 9 MiB at 2 ranks, 21 MiB at 8.
device::WindowShape graph_window_shape(device::WindowShape shape);

/// Made at once: about 40 MiB of them, so that a communicator of two GPUs takes less than 64 MiB on each.
int lanes_of_a_bank(const device::WindowShape& shape);

}  // namespace stretto
