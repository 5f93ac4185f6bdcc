// Windows of ranks of one host: from other processes by descriptors of their pages, and as they are within a process. A
// GPU is known by its UUID, whatever CUDA_VISIBLE_DEVICES makes of numbers.
#pragma once

#include <optional>

#include "transports/cuda_ipc/descriptor_exchange.hpp"
#include "transports/peer_windows.hpp"

namespace stretto {

class CudaIpcWindows final : public PeerWindows {
 public:
  CudaIpcWindows(std::shared_ptr<Gpu> gpu, const device::WindowShape& shape, Rank rank, int lanes);
  /// Within the process memory is freed by the last who uses it; the driver keeps what other processes have mapped.
  ~CudaIpcWindows() override;
  CudaIpcWindows(const CudaIpcWindows&) = delete;
  CudaIpcWindows& operator=(const CudaIpcWindows&) = delete;

  std::vector<std::byte> describe() override;
  void start(std::span<const std::vector<std::byte>> blobs, std::int64_t deadline_ns) override;
  bool poll_setup() override;
  void watch(WaitSet& waits) override;
  const device::WindowShape& shape() const noexcept override { return shape_; }
  int lanes() const noexcept override { return lanes_; }
  std::byte* window(Rank rank, int lane) const override {
    return windows_[static_cast<std::size_t>(rank)] + static_cast<std::size_t>(lane) * lane_bytes_;
  }
  std::byte* const* table(int lane) const override;
  std::size_t bytes() const noexcept override { return own_bytes() + table_bytes(); }

 private:
  struct Allocation;
  static std::shared_ptr<Allocation> allocation_at(std::uint64_t address);
  std::size_t own_bytes() const noexcept { return lane_bytes_ * static_cast<std::size_t>(lanes_); }
  std::size_t table_bytes() const noexcept;
  void make_table();

  std::shared_ptr<Gpu> gpu_;
  device::WindowShape shape_;
  Rank rank_;
  int lanes_;
  std::size_t lane_bytes_;
  std::shared_ptr<Allocation> own_;
  std::byte* table_ = nullptr;
  std::vector<std::byte*> windows_;                  ///< by rank
  std::optional<DescriptorExchange> exchange_;       ///< until those of other processes have come
  std::vector<std::byte*> imported_;                 ///< of them: those of other processes
  std::vector<std::shared_ptr<Allocation>> shared_;  ///< of them: those of this process
};

}  // namespace stretto
