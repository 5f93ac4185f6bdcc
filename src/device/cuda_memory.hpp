// Device memory of one CUDA device, taken and given back while kernels run.
//
// cudaFree, cudaFreeHost and cudaIpcCloseMemHandle return when no kernel runs on the device, and meanwhile nobody
// launches there (tests/device/cuda_waits_test.cpp shows it): beside a kernel that waits for a rank that has yet to be
// launched, for ever. What the driver maps page by page (cuMem*) it unmaps at once. So that is what memory is made of
// here; small pieces are cut from pages that are kept as long as the device is in use.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "base/system.hpp"

namespace stretto {

/// All functions throw Error with CUDA's words, unless they are noexcept; any thread.
class CudaMemory {
 public:
  explicit CudaMemory(int ordinal);
  ~CudaMemory();
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;

  /// At least 256-byte aligned; whatever is in it.
  std::byte* take(std::size_t bytes);
  /// Of pages of its own, which can be exported and allowed to others.
  std::byte* take_pages(std::size_t bytes);
  /// Of take(), take_pages() and import(): no kernel uses it any more.
  void give_back(std::byte* memory) noexcept;

  /// Lets kernels on another device of this process use pages.
  void allow(std::byte* pages, int other);
  /// A descriptor of pages, by which another process can map them.
  Handle export_descriptor(std::byte* pages);
  /// Maps another process's pages for this device; of them `bytes` from the first on.
  std::byte* import(const Handle& descriptor, std::size_t bytes);

 private:
  struct Pages;
  using PagesAt = std::map<std::byte*, std::unique_ptr<Pages>>;

  std::byte* keep(std::unique_ptr<Pages> pages);
  std::size_t whole_pages(std::size_t bytes) const;
  std::byte* take_piece(std::size_t bytes);

  const int ordinal_;
  std::size_t page_bytes_ = 0;
  std::mutex mutex_;
  PagesAt pages_;
  std::map<std::byte*, std::size_t> pieces_;                    ///< in use: their sizes, powers of two
  std::map<std::size_t, std::vector<std::byte*>> free_pieces_;  ///< by size
  std::byte* rest_ = nullptr;                                   ///< of the last page that pieces are cut from
  std::size_t rest_bytes_ = 0;
};

}  // namespace stretto
