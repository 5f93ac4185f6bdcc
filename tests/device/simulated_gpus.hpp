// GPUs made of host threads, for tests where there is no GPU: memory is the heap, a stream is a thread with a queue, a
// kernel is its blocks of threads (thread_machine.hpp), a captured graph is a list of what was issued. Several GPUs;
// any number of ranks on each.
#pragma once

#include <memory>

#include "test_gpus.hpp"

namespace stretto::test {

/// While it lives, the process has these GPUs and no others.
std::unique_ptr<TestGpus> make_simulated_gpus(int count);

}  // namespace stretto::test
