// The machine's own GPUs, for tests.
#pragma once

#include <memory>
#include <string>

#include "test_gpus.hpp"

namespace stretto::test {

/// nullptr where there are none, and why.
std::unique_ptr<TestGpus> make_cuda_test_gpus(int most, std::string& why_none);

}  // namespace stretto::test
