// CUDA's errors as exceptions, and where a CUDA device is current.
#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace stretto::perf {

inline void check_cuda(cudaError_t error, const char* call, int device) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // it was told: nobody shall meet it a second time
  throw std::runtime_error(std::string(call) + " failed on CUDA device " + std::to_string(device) + ": " +
                           cudaGetErrorString(error) + " (" + cudaGetErrorName(error) + ")");
}

/// Why this process has no CUDA device, and what to do; empty if it has.
std::string cuda_obstacle();
/// "CUDA runtime 13.0, driver's CUDA 13.0".
std::string cuda_versions();

}  // namespace stretto::perf
