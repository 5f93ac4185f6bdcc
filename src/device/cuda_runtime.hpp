// Whether this process can use CUDA devices: the one place that asks. Nothing else may assume a driver: the library is
// linked with the static CUDA runtime and never with the driver's library, which the runtime opens when first called.
// No CUDA header is needed to include this file.
#pragma once

#include <string>

namespace stretto {

struct CudaStatus {
  bool built = false;       ///< this binary holds device code
  int n_devices = 0;        ///< devices that this process may use; 0 where `reason` says why
  int driver_version = 0;   ///< newest CUDA that the driver serves, e.g. 13000; 0 without a driver
  int runtime_version = 0;  ///< CUDA that this binary was built with; 0 if !built
  std::string reason;       ///< why n_devices is 0, and what to do; empty otherwise
};

/// Asks the runtime. Never throws for want of a driver or device; makes no context. Thread-safe; the answer may change
/// only with the environment (CUDA_VISIBLE_DEVICES is read by the driver at its first use in the process).
CudaStatus cuda_status();

/// Why `device` (0 to n_devices - 1) cannot run this binary's device code; empty if it can. Makes the device's context
/// if it has none, and restores the calling thread's current device.
std::string cuda_device_obstacle(int device);

}  // namespace stretto
