// The answers of a build without nvcc.
#include "device/cuda_runtime.hpp"

namespace stretto {
namespace {

constexpr const char* not_built = "stretto was built without CUDA: build it where nvcc is found (STRETTO_CUDA=ON)";

}  // namespace

CudaStatus cuda_status() {
  CudaStatus status;
  status.reason = not_built;
  return status;
}

std::string cuda_device_obstacle(int) { return not_built; }

}  // namespace stretto
