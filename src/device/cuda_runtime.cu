// The answers of a build with nvcc, which hold with and without a driver or device.
#include <cuda_runtime_api.h>

#include "device/cuda_runtime.hpp"

namespace stretto {
namespace {

// Device code that every build with CUDA holds, so that a device can be asked whether this binary's code suits it.
__global__ void probe() {}

std::string describe(cudaError_t error) {
  return std::string(cudaGetErrorName(error)) + ": " + cudaGetErrorString(error);
}

std::string why_no_devices(cudaError_t error, int driver_version) {
  if (driver_version == 0) return "no NVIDIA driver is loaded: install one, or use host communicators";
  if (error == cudaErrorInsufficientDriver) {
    return "the NVIDIA driver is older than the CUDA runtime that stretto was built with: update the driver";
  }
  if (error == cudaErrorNoDevice || error == cudaSuccess) {
    return "the NVIDIA driver shows no device to this process: check CUDA_VISIBLE_DEVICES and the container's devices";
  }
  return "the CUDA runtime cannot start (" + describe(error) + "): check the driver with nvidia-smi";
}

}  // namespace

CudaStatus cuda_status() {
  CudaStatus status;
  status.built = true;
  // These two succeed without a driver, and give 0 for its version.
  if (cudaDriverGetVersion(&status.driver_version) != cudaSuccess) status.driver_version = 0;
  if (cudaRuntimeGetVersion(&status.runtime_version) != cudaSuccess) status.runtime_version = CUDART_VERSION;
  const cudaError_t error = cudaGetDeviceCount(&status.n_devices);
  if (error != cudaSuccess) {
    status.n_devices = 0;
    cudaGetLastError();  // clears the thread's last error: it must not surface in the application's own calls
  }
  if (status.n_devices == 0) status.reason = why_no_devices(error, status.driver_version);
  return status;
}

std::string cuda_device_obstacle(int device) {
  const CudaStatus status = cuda_status();
  if (status.n_devices == 0) return status.reason;
  int previous = 0;
  cudaError_t error = cudaGetDevice(&previous);
  if (error == cudaSuccess) error = cudaSetDevice(device);
  cudaFuncAttributes attributes{};
  if (error == cudaSuccess) error = cudaFuncGetAttributes(&attributes, reinterpret_cast<const void*>(probe));
  cudaSetDevice(previous);
  if (error == cudaSuccess) return {};
  cudaGetLastError();
  return "device " + std::to_string(device) + " cannot run stretto's device code (" + describe(error) +
         "): build with its architecture in CMAKE_CUDA_ARCHITECTURES";
}

}  // namespace stretto
