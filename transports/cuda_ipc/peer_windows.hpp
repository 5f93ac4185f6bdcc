// The windows (device/window.hpp) of all ranks of a host, as one rank's GPU addresses them: its own, which it allocates
// and exports, and its peers', by CUDA IPC from other processes and as they are within a process. A GPU is known by its
// UUID, whatever CUDA_VISIBLE_DEVICES makes of numbers.
//
// A rank has several windows of one shape, side by side in one allocation: its lanes. Eager operations use the first;
// those of captured graphs the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/error.hpp"
#include "device/gpu.hpp"
#include "device/window.hpp"

namespace stretto {

class PeerWindows {
 public:
  /// Allocates. `lanes` >= 1.
  PeerWindows(std::shared_ptr<Gpu> gpu, const device::WindowShape& shape, Rank rank, int lanes);
  /// Unmaps; no kernel of this rank may use them any more. This rank's own are freed when its peers have let go of them
  /// too, since their kernels may still hand back credits: within the process by shared ownership, and the driver keeps
  /// memory that other processes have mapped.
  ~PeerWindows();
  PeerWindows(const PeerWindows&) = delete;
  PeerWindows& operator=(const PeerWindows&) = delete;

  /// What other ranks need to map this one's.
  std::vector<std::byte> describe();
  /// @param blobs what every rank's describe() gave, by rank. Throws Error naming the peer.
  void open(std::span<const std::vector<std::byte>> blobs);

  const device::WindowShape& shape() const noexcept { return shape_; }
  int lanes() const noexcept { return lanes_; }
  /// Window of a rank, as this rank's kernels address it.
  std::byte* window(Rank rank, int lane) const { return windows_[static_cast<std::size_t>(rank)] + lane * lane_bytes_; }
  /// Device memory: such addresses by rank, for kernels. nullptr where kernel parameters have room for them.
  std::byte* const* table(int lane) const;
  Gpu& gpu() const noexcept { return *gpu_; }
  /// Device memory that this rank has taken.
  std::size_t bytes() const noexcept { return lane_bytes_ * static_cast<std::size_t>(lanes_) + table_bytes(); }

 private:
  std::size_t table_bytes() const;

  struct Allocation;
  static std::shared_ptr<Allocation> allocation_at(std::uint64_t address);

  std::shared_ptr<Gpu> gpu_;
  device::WindowShape shape_;
  Rank rank_;
  int lanes_;
  std::size_t lane_bytes_;
  std::shared_ptr<Allocation> own_;
  std::byte* table_ = nullptr;
  std::vector<std::byte*> windows_;   ///< by rank
  std::vector<std::byte*> imported_;  ///< of them: those to be closed
  std::vector<std::shared_ptr<Allocation>> shared_;  ///< of them: those of this process
};

}  // namespace stretto
