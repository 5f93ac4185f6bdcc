// A GPU's instructions convert narrow floats as the host does, for every pattern that there is.
#include <gtest/gtest.h>

#include <ios>
#include <string>

#include "conversions_on_chip.hpp"
#include "device/cuda_runtime.hpp"
#include "support/leak_check.hpp"

namespace stretto {
namespace {

using test::Differences;
using test::NarrowFormat;

std::string name_of(const ::testing::TestParamInfo<NarrowFormat>& info) {
  const char* const names[] = {"half", "bfloat16", "e4m3", "e5m2"};
  return names[static_cast<int>(info.param)];
}

class Conversions : public ::testing::TestWithParam<NarrowFormat> {};
INSTANTIATE_TEST_SUITE_P(Narrow, Conversions,
                         ::testing::Values(NarrowFormat::half, NarrowFormat::bfloat16, NarrowFormat::e4m3,
                                           NarrowFormat::e5m2),
                         name_of);

TEST_P(Conversions, EveryPattern_GivesTheHostsBits) {
  if (const CudaStatus status = cuda_status(); status.n_devices == 0) GTEST_SKIP() << status.reason;
  testing::allow_leaks_in_this_test("the NVIDIA driver stays loaded");
  Differences found;
  void* on_device = nullptr;
  ASSERT_EQ(cudaMalloc(&on_device, sizeof found), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(on_device, &found, sizeof found, cudaMemcpyHostToDevice), cudaSuccess);
  ASSERT_EQ(test::compare_conversions(GetParam(), static_cast<Differences*>(on_device)), cudaSuccess);
  ASSERT_EQ(cudaMemcpy(&found, on_device, sizeof found, cudaMemcpyDeviceToHost), cudaSuccess);
  EXPECT_EQ(cudaFree(on_device), cudaSuccess);
  EXPECT_EQ(found.widened, 0U) << "the first of them: " << std::hex << found.first_widened;
  EXPECT_EQ(found.narrowed, 0U) << "the first of them: " << std::hex << found.first_narrowed;
}

}  // namespace
}  // namespace stretto
