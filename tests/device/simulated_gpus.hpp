// GPUs made of host threads, for tests where there is no GPU: memory is the heap, a stream is a thread with a queue, a
// kernel is its blocks of threads (thread_machine.hpp), a captured graph is a list of what was issued. Several GPUs;
// any number of ranks on each.
#pragma once

#include <cstdint>
#include <memory>

#include "test_gpus.hpp"

namespace stretto::test {

/// While it lives, the process has these GPUs and no others. A kernel begins when all its blocks find room on its GPU,
/// in the order in which kernels come to the heads of their streams: a real one could let others pass.
/// @param joined by links that carry lines of 128 bytes as a whole
std::unique_ptr<TestGpus> make_simulated_gpus(int count, std::uint32_t resident_blocks = 132, bool joined = true);

/// Launches of the kernel for the smallest sums, on all of them, since the process began.
std::uint64_t simulated_short_sums();
/// The same of exchanges by wide packets.
std::uint64_t simulated_wide_exchanges();

}  // namespace stretto::test
