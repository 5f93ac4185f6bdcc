// A device of CUDA's made current for a scope, and errors with CUDA's words. For files that include CUDA's headers.
#pragma once

#include <cuda_runtime_api.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {

[[noreturn]] inline void fail_cuda(cudaError_t error, const char* call, int device) {
  cudaGetLastError();  // clears the thread's last error: it must not surface in the application's own calls
  const strettoResult_t code = error == cudaErrorMemoryAllocation ? strettoSystemError : strettoCudaError;
  throw Error(code, format("{} failed on CUDA device {}: {} ({})", call, device, cudaGetErrorString(error),
                           cudaGetErrorName(error)));
}

/// The driver's own words for what a thread has current. To say it with cudaSetDevice would make a context on device 0
/// for every thread that never had one.
struct CurrentContext {
  int (*get)(void** context) = nullptr;
  int (*set)(void* context) = nullptr;

  CurrentContext() {
    find("cuCtxGetCurrent", reinterpret_cast<void**>(&get));
    find("cuCtxSetCurrent", reinterpret_cast<void**>(&set));
  }
  static void find(const char* name, void** function) {
    cudaDriverEntryPointQueryResult result{};
    if (cudaGetDriverEntryPointByVersion(name, function, 12000, cudaEnableDefault, &result) != cudaSuccess) {
      cudaGetLastError();
      *function = nullptr;
    }
  }
};

inline const CurrentContext& current_context() {
  static const CurrentContext functions;
  return functions;
}

/// Whether what the calling thread asks for goes to the device. Of a thread without a context the runtime may still say
/// a device that it had for a while (~OnDevice): the NULL stream would be another one's.
inline bool is_current(int device) {
  void* context = nullptr;
  const CurrentContext& driver = current_context();
  if (driver.get == nullptr || driver.get(&context) != 0 || context == nullptr) return false;
  int current = -1;
  return cudaGetDevice(&current) == cudaSuccess && current == device;
}

/// Makes a device current for a scope, and lets the thread do during a capture what does not belong to it.
class OnDevice {
 public:
  explicit OnDevice(int device) {
    const CurrentContext& driver = current_context();
    if (driver.get == nullptr || driver.get(&previous_) != 0) previous_ = nullptr;
    const cudaError_t error = cudaSetDevice(device);
    if (error != cudaSuccess) fail_cuda(error, "cudaSetDevice", device);
    cudaThreadExchangeStreamCaptureMode(&mode_);
  }
  ~OnDevice() {
    cudaThreadExchangeStreamCaptureMode(&mode_);
    if (current_context().set != nullptr) current_context().set(previous_);
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

 private:
  void* previous_ = nullptr;
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace stretto
