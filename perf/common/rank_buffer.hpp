// A rank's sends or receives: guarded host memory and, for a rank on a GPU, as much device memory, guards included.
// Inputs are made and results looked at in the host's; push() and pull() carry them over.
#pragma once

#include <cstring>

#include "perf/common/gpu.hpp"
#include "perf/common/guarded_buffer.hpp"

namespace stretto::perf {

class RankBuffer {
 public:
  /// @param gpu null for a rank of host memory; must outlive the buffer.
  RankBuffer(std::size_t max_bytes, std::size_t shift_bytes, RankGpu* gpu)
      : host_(max_bytes, shift_bytes), before_(GuardedBuffer::kGuardBytes + shift_bytes), gpu_(gpu) {
    if (gpu_ != nullptr) device_ = gpu_->allocate(before_ + max_bytes + GuardedBuffer::kGuardBytes);
  }
  RankBuffer(const RankBuffer&) = delete;
  RankBuffer& operator=(const RankBuffer&) = delete;
  ~RankBuffer() {
    if (device_ != nullptr) gpu_->free(device_);
  }

  /// What operations are given.
  unsigned char* address() const noexcept { return device_ != nullptr ? device_ + before_ : host_.data(); }
  /// What is filled and looked at.
  unsigned char* image() const noexcept { return host_.data(); }
  std::size_t max_bytes() const noexcept { return host_.max_bytes(); }

  void arm(std::size_t used_bytes) noexcept {
    used_bytes_ = used_bytes;
    host_.arm(used_bytes);
  }
  std::size_t count_broken() const noexcept { return host_.count_broken(); }

  /// The image and its guards to the device, or back, in the stream. Nothing on the host.
  void push() {
    if (device_ != nullptr) gpu_->copy(device_, host_.data() - before_, all_bytes());
  }
  void pull() {
    if (device_ != nullptr) gpu_->copy(host_.data() - before_, device_, all_bytes());
  }
  /// Zeros, where operations look; in the stream.
  void clear(std::size_t bytes) {
    if (device_ != nullptr) {
      gpu_->fill(address(), 0, bytes);
    } else {
      std::memset(address(), 0, bytes);
    }
  }

 private:
  std::size_t all_bytes() const noexcept { return before_ + used_bytes_ + GuardedBuffer::kGuardBytes; }

  GuardedBuffer host_;
  std::size_t before_;
  std::size_t used_bytes_ = 0;
  RankGpu* gpu_;
  unsigned char* device_ = nullptr;
};

}  // namespace stretto::perf
