#include "frontends/nccl/process.hpp"

#include "base/environment.hpp"
#include "base/error.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/environment.hpp"

namespace stretto::nccl {

ncclResult_t begin_process() noexcept {
  try {
    report_environment();
    return ncclSuccess;
  } catch (const Error& error) {
    return refuse(number_of(error.info().code), error.info().text);
  } catch (const std::exception& error) {
    return refuse(ncclSystemError, error.what());
  }
}

bool on_host() {
  static const bool answer = test_nccl_host();
  return answer;
}

int device_of_new() { return on_host() ? STRETTO_DEVICE_HOST : STRETTO_DEVICE_CURRENT; }

ncclResult_t with_device(ncclResult_t result) noexcept {
  if (result == ncclSuccess || result == ncclInProgress || on_host()) return result;
  int count = 0;
  const strettoResult_t devices = strettoGetDeviceCount(&count);
  return devices == strettoSuccess ? result : failed(devices);
}

}  // namespace stretto::nccl
