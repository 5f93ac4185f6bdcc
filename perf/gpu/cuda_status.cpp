#include "perf/gpu/cuda_check.hpp"

namespace stretto::perf {
namespace {

std::string dotted(int version) { return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10); }

}  // namespace

std::string cuda_obstacle() {
  int driver_version = 0;
  if (cudaDriverGetVersion(&driver_version) != cudaSuccess || driver_version == 0) {
    return "no NVIDIA driver is loaded: run on a machine with a GPU and its driver";
  }
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  if (error == cudaSuccess && count > 0) return {};
  cudaGetLastError();
  if (error == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver (CUDA " + dotted(driver_version) +
           ") is older than the CUDA runtime of this tool: update the driver";
  }
  if (error == cudaErrorNoDevice || error == cudaSuccess) {
    return "the NVIDIA driver shows no device to this process: check CUDA_VISIBLE_DEVICES and the container's devices";
  }
  return std::string("the CUDA runtime cannot start (") + cudaGetErrorName(error) + ": " + cudaGetErrorString(error) +
         "): check the driver with nvidia-smi";
}

std::string cuda_versions() {
  int runtime = 0;
  int driver = 0;
  cudaRuntimeGetVersion(&runtime);
  cudaDriverGetVersion(&driver);
  return "CUDA runtime " + dotted(runtime) + ", driver's CUDA " + dotted(driver);
}

}  // namespace stretto::perf
