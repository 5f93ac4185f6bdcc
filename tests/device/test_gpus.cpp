#include "test_gpus.hpp"

#include <array>
#include <string>

#include "cuda_test_gpus.hpp"
#include "simulated_gpus.hpp"

namespace stretto::test {
namespace {

constexpr std::array<TestGpusRow, 2> kRows = {{
    {"simulated", [](int most, std::string&) { return make_simulated_gpus(most); }},
    {"cuda", make_cuda_test_gpus},
}};

}  // namespace

std::span<const TestGpusRow> test_gpus_rows() { return kRows; }

}  // namespace stretto::test
