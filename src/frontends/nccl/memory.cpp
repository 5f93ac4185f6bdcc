// Memory: allocations, registrations, and windows, which are registrations here.
#include "base/text.hpp"
#include "frontends/nccl/entry.hpp"
#include "frontends/nccl/process.hpp"

using namespace stretto;
using namespace stretto::nccl;

STRETTO_NCCL_ENTRY(ncclResult_t, ncclMemAlloc, (void** ptr, size_t size)) {
  return with_device(translate(strettoMemAllocOnDevice(ptr, size, device_of_new())));
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclMemFree, (void* ptr)) {
  int count = 0;
  if (ptr == nullptr && !on_host()) return translate(strettoGetDeviceCount(&count));
  return with_device(translate(strettoMemFree(ptr)));
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommRegister, (const ncclComm_t comm, void* buff, size_t size, void** handle)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoCommRegister(own, buff, size, handle); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommDeregister, (const ncclComm_t comm, void* handle)) {
  return call_on(comm, [&](strettoComm_t own) { return strettoCommDeregister(own, handle); });
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommWindowRegister,
                   (ncclComm_t comm, void* buff, size_t size, ncclWindow_t* win, int winFlags)) {
  if (winFlags != NCCL_WIN_DEFAULT && winFlags != NCCL_WIN_COLL_SYMMETRIC) {
    return with_device(
        refuse(ncclInvalidArgument, format("ncclCommWindowRegister: winFlags is {}: it must be NCCL_WIN_DEFAULT or "
                                           "NCCL_WIN_COLL_SYMMETRIC",
                                           winFlags)));
  }
  return with_device(call_on(
      comm, [&](strettoComm_t own) { return strettoCommRegister(own, buff, size, reinterpret_cast<void**>(win)); }));
}

STRETTO_NCCL_ENTRY(ncclResult_t, ncclCommWindowDeregister, (ncclComm_t comm, ncclWindow_t win)) {
  if (win == nullptr) return ncclSuccess;
  return call_on(comm, [&](strettoComm_t own) { return strettoCommDeregister(own, win); });
}
