// A binary with CUDA inside starts and answers on machines with and without a driver: that this test runs at all is
// half of it.
#include "device/cuda_runtime.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "support/leak_check.hpp"

namespace stretto {
namespace {

bool has_device_files() { return std::filesystem::exists("/dev/nvidiactl") || std::filesystem::exists("/dev/nvidia0"); }

/// A loaded driver keeps descriptors and a thread until the process ends.
void allow_what_a_driver_keeps() {
  if (has_device_files()) testing::allow_leaks_in_this_test("the NVIDIA driver stays loaded");
}

TEST(CudaRuntime, EveryMachine_DevicesOrAReason) {
  allow_what_a_driver_keeps();
  const CudaStatus status = cuda_status();
  EXPECT_EQ(status.n_devices == 0, !status.reason.empty());
  EXPECT_EQ(status.built, status.runtime_version != 0);
}

TEST(CudaRuntime, NoDriver_SaysSoAndDoesNotFail) {
  if (has_device_files()) GTEST_SKIP() << "feature: this machine has an NVIDIA driver";
  const CudaStatus status = cuda_status();
  EXPECT_EQ(status.n_devices, 0);
  EXPECT_EQ(status.driver_version, 0);
  const char* expected = status.built ? "no NVIDIA driver" : "built without CUDA";
  EXPECT_NE(status.reason.find(expected), std::string::npos) << status.reason;
  EXPECT_EQ(cuda_device_obstacle(0), status.reason);
}

TEST(CudaRuntime, Device_CanRunOurCode) {
  allow_what_a_driver_keeps();
  const CudaStatus status = cuda_status();
  if (status.n_devices == 0) GTEST_SKIP() << "feature: no CUDA device: " << status.reason;
  EXPECT_GE(status.driver_version, status.runtime_version);
  EXPECT_EQ(cuda_device_obstacle(0), "");
  EXPECT_NE(cuda_device_obstacle(status.n_devices), "") << "there is no such device";
}

}  // namespace
}  // namespace stretto
