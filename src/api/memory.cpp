// Memory of the C API: allocations, and registrations of the caller's own.
#include "api/api.hpp"
#include "base/text.hpp"
#include "comm/allocations.hpp"

using namespace stretto;
using namespace stretto::api;

extern "C" {

strettoResult_t strettoMemAllocOnDevice(void** pointer, size_t bytes, int device) {
  static constexpr const char* kName = "strettoMemAllocOnDevice";
  return guarded(kName, [&] {
    if (pointer == nullptr) return refuse(strettoInvalidArgument, kName, "pointer", "pointer is NULL");
    *pointer = allocate_memory(bytes, device);
    return strettoSuccess;
  });
}

strettoResult_t strettoMemAlloc(void** pointer, size_t bytes) {
  static constexpr const char* kName = "strettoMemAlloc";
  return guarded(kName, [&] {
    if (pointer == nullptr) return refuse(strettoInvalidArgument, kName, "pointer", "pointer is NULL");
    *pointer = allocate_memory(bytes, usual_device());
    return strettoSuccess;
  });
}

strettoResult_t strettoMemFree(void* pointer) {
  static constexpr const char* kName = "strettoMemFree";
  return guarded(kName, [&] {
    if (pointer == nullptr || free_memory(pointer)) return strettoSuccess;
    return refuse(strettoInvalidArgument, kName, "pointer",
                  "pointer is none that strettoMemAlloc gave to this process, or was freed before");
  });
}

strettoResult_t strettoCommRegister(strettoComm_t comm, void* buffer, size_t bytes, void** handle) {
  static constexpr const char* kName = "strettoCommRegister";
  return guarded(kName, [&] {
    if (const strettoResult_t result = check_handle(comm, kName); result != strettoSuccess) return result;
    comm->participant->lifecycle();  // refuses what is none yet, or no more
    if (buffer == nullptr) return refuse(strettoInvalidArgument, kName, "buffer", "buffer is NULL");
    if (handle == nullptr) return refuse(strettoInvalidArgument, kName, "handle", "handle is NULL");
    const std::size_t most = UINTPTR_MAX - reinterpret_cast<std::uintptr_t>(buffer);
    if (bytes == 0 || bytes > most) {
      return refuse(strettoInvalidArgument, kName, "bytes",
                    format("bytes is {}: no memory of that size lies at this address", bytes));
    }
    *handle = comm->participant->registrations().add(buffer, bytes);
    return strettoSuccess;
  });
}

strettoResult_t strettoCommDeregister(strettoComm_t comm, void* handle) {
  static constexpr const char* kName = "strettoCommDeregister";
  return guarded(kName, [&] {
    if (const strettoResult_t result = check_handle(comm, kName); result != strettoSuccess) return result;
    if (comm->participant->registrations().remove(handle)) return strettoSuccess;
    return refuse(strettoInvalidArgument, kName, "handle",
                  "handle is none that strettoCommRegister gave for this communicator, or was deregistered before");
  });
}

}  // extern "C"
