#include "device/cuda_memory.hpp"

#include <cuda.h>
#include <cuda_runtime_api.h>
#include <fcntl.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.hpp"
#include "base/text.hpp"
#include "device/cuda_context.hpp"

namespace stretto {
namespace {

constexpr std::size_t kLeastPiece_bytes = 256;
/// What is larger has pages of its own.
constexpr std::size_t kMostPiece_bytes = 512 << 10;

/// The driver's functions, which the runtime finds: this library is not linked with the driver's.
struct Driver {
  decltype(&cuMemGetAllocationGranularity) granularity = find<decltype(granularity)>("cuMemGetAllocationGranularity");
  decltype(&cuMemCreate) create = find<decltype(create)>("cuMemCreate");
  decltype(&cuMemRelease) release = find<decltype(release)>("cuMemRelease");
  decltype(&cuMemAddressReserve) reserve = find<decltype(reserve)>("cuMemAddressReserve");
  decltype(&cuMemAddressFree) unreserve = find<decltype(unreserve)>("cuMemAddressFree");
  decltype(&cuMemMap) map = find<decltype(map)>("cuMemMap");
  decltype(&cuMemUnmap) unmap = find<decltype(unmap)>("cuMemUnmap");
  decltype(&cuMemSetAccess) set_access = find<decltype(set_access)>("cuMemSetAccess");
  decltype(&cuMemExportToShareableHandle) export_handle = find<decltype(export_handle)>("cuMemExportToShareableHandle");
  decltype(&cuMemImportFromShareableHandle) import_handle =
      find<decltype(import_handle)>("cuMemImportFromShareableHandle");
  decltype(&cuGetErrorName) error_name = find<decltype(error_name)>("cuGetErrorName");
  decltype(&cuGetErrorString) error_string = find<decltype(error_string)>("cuGetErrorString");

  template <typename Function>
  static Function find(const char* name) {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult result{};
    const cudaError_t error = cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &result);
    if (error == cudaSuccess && function != nullptr) return reinterpret_cast<Function>(function);
    cudaGetLastError();
    throw Error(strettoUnsupported,
                format("NVIDIA's driver has no {}: a driver for CUDA 12 or newer is needed (nvidia-smi says which "
                       "there is)",
                       name),
                "device");
  }
};

const Driver& driver() {
  static const Driver functions;
  return functions;
}

void check(CUresult result, const char* call, int ordinal) {
  if (result == CUDA_SUCCESS) return;
  const char* name = "?";
  const char* text = "?";
  driver().error_name(result, &name);
  driver().error_string(result, &text);
  const strettoResult_t code = result == CUDA_ERROR_OUT_OF_MEMORY ? strettoSystemError : strettoCudaError;
  throw Error(code, format("{} failed on CUDA device {}: {} ({})", call, ordinal, text, name));
}

CUmemLocation location_of(int ordinal) {
  CUmemLocation location{};
  location.type = CU_MEM_LOCATION_TYPE_DEVICE;
  location.id = ordinal;
  return location;
}

CUmemAllocationProp properties_on(int ordinal) {
  CUmemAllocationProp properties{};
  properties.type = CU_MEM_ALLOCATION_TYPE_PINNED;
  properties.requestedHandleTypes = CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR;
  properties.location = location_of(ordinal);
  return properties;
}

}  // namespace

/// Memory at an address, for as long as this lives.
struct CudaMemory::Pages {
  int ordinal;
  std::size_t bytes;
  CUmemGenericAllocationHandle handle = 0;
  bool has_handle = false;
  CUdeviceptr address = 0;
  bool is_mapped = false;

  Pages(int device, std::size_t size) : ordinal(device), bytes(size) {}
  ~Pages() {
    if (is_mapped) driver().unmap(address, bytes);
    if (has_handle) driver().release(handle);
    if (address != 0) driver().unreserve(address, bytes);
  }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  void create() {
    const CUmemAllocationProp properties = properties_on(ordinal);
    check(driver().create(&handle, bytes, &properties, 0), "cuMemCreate", ordinal);
    has_handle = true;
  }
  void import(const Handle& descriptor) {
    auto* const number = std::bit_cast<void*>(static_cast<std::uintptr_t>(descriptor.id()));
    check(driver().import_handle(&handle, number, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR),
          "cuMemImportFromShareableHandle", ordinal);
    has_handle = true;
  }
  void map() {
    check(driver().reserve(&address, bytes, 0, 0, 0), "cuMemAddressReserve", ordinal);
    check(driver().map(address, bytes, 0, handle, 0), "cuMemMap", ordinal);
    is_mapped = true;
    allow(ordinal);
  }
  void allow(int device) const {
    CUmemAccessDesc access{};
    access.location = location_of(device);
    access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
    check(driver().set_access(address, bytes, &access, 1), "cuMemSetAccess", device);
  }
};

CudaMemory::CudaMemory(int ordinal) : ordinal_(ordinal) {
  const OnDevice here(ordinal);  // the first of all uses of CUDA, maybe
  const CUmemAllocationProp properties = properties_on(ordinal);
  check(driver().granularity(&page_bytes_, &properties, CU_MEM_ALLOC_GRANULARITY_MINIMUM),
        "cuMemGetAllocationGranularity", ordinal);
}

CudaMemory::~CudaMemory() {
  try {
    const OnDevice here(ordinal_);
    pages_.clear();
  } catch (const Error&) {  // at the end of the process the driver may have gone before
    pages_.clear();
  }
}

std::size_t CudaMemory::whole_pages(std::size_t bytes) const {
  return (std::max<std::size_t>(bytes, 1) + page_bytes_ - 1) / page_bytes_ * page_bytes_;
}

std::byte* CudaMemory::keep(std::unique_ptr<Pages> pages) {
  auto* const memory = std::bit_cast<std::byte*>(pages->address);
  pages_[memory] = std::move(pages);
  return memory;
}

std::byte* CudaMemory::take(std::size_t bytes) {
  if (bytes > kMostPiece_bytes) return take_pages(bytes);
  const std::lock_guard lock(mutex_);
  return take_piece(std::bit_ceil(std::max(bytes, kLeastPiece_bytes)));
}

std::byte* CudaMemory::take_piece(std::size_t bytes) {
  std::vector<std::byte*>& free = free_pieces_[bytes];
  std::byte* piece = nullptr;
  if (!free.empty()) {
    piece = free.back();
    free.pop_back();
  } else {
    if (rest_bytes_ < bytes) {
      // What is left over is cut into the largest pieces that it has room for.
      for (; rest_bytes_ >= kLeastPiece_bytes; rest_bytes_ -= std::bit_floor(rest_bytes_)) {
        const std::size_t part = std::bit_floor(rest_bytes_);
        free_pieces_[part].push_back(rest_ + (rest_bytes_ - part));
      }
      const OnDevice here(ordinal_);
      auto pages = std::make_unique<Pages>(ordinal_, whole_pages(kMostPiece_bytes));
      pages->create();
      pages->map();
      rest_bytes_ = pages->bytes;
      rest_ = keep(std::move(pages));
    }
    piece = rest_;
    rest_ += bytes;
    rest_bytes_ -= bytes;
  }
  pieces_[piece] = bytes;
  return piece;
}

std::byte* CudaMemory::take_pages(std::size_t bytes) {
  const OnDevice here(ordinal_);
  auto pages = std::make_unique<Pages>(ordinal_, whole_pages(bytes));
  pages->create();
  pages->map();
  const std::lock_guard lock(mutex_);
  return keep(std::move(pages));
}

void CudaMemory::give_back(std::byte* memory) noexcept {
  std::unique_ptr<Pages> pages;
  {
    const std::lock_guard lock(mutex_);
    if (const auto piece = pieces_.find(memory); piece != pieces_.end()) {
      try {
        free_pieces_[piece->second].push_back(memory);
      } catch (const std::bad_alloc&) {  // it stays taken until the pages go
      }
      pieces_.erase(piece);
      return;
    }
    const auto found = pages_.find(memory);
    STRETTO_ASSERT(found != pages_.end());
    pages = std::move(found->second);
    pages_.erase(found);
  }
  try {
    const OnDevice here(ordinal_);
    pages.reset();
  } catch (const Error&) {  // at the end of the process the driver may have gone before
  }
}

void CudaMemory::allow(std::byte* pages, int other) {
  const std::lock_guard lock(mutex_);
  const OnDevice here(ordinal_);
  pages_.at(pages)->allow(other);
}

Handle CudaMemory::export_descriptor(std::byte* pages) {
  const std::lock_guard lock(mutex_);
  const OnDevice here(ordinal_);
  int descriptor = -1;
  check(driver().export_handle(&descriptor, pages_.at(pages)->handle, CU_MEM_HANDLE_TYPE_POSIX_FILE_DESCRIPTOR, 0),
        "cuMemExportToShareableHandle", ordinal_);
  Handle exported(posix_system(), descriptor);
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return exported;
}

std::byte* CudaMemory::import(const Handle& descriptor, std::size_t bytes) {
  const OnDevice here(ordinal_);
  auto pages = std::make_unique<Pages>(ordinal_, whole_pages(bytes));
  pages->import(descriptor);
  pages->map();
  const std::lock_guard lock(mutex_);
  return keep(std::move(pages));
}

}  // namespace stretto
