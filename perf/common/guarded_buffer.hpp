// Memory for one rank's sends or receives, with guard zones on both sides of what an operation may touch.
#pragma once

#include <cstddef>

namespace stretto::perf {

class GuardedBuffer {
 public:
  static constexpr std::size_t kGuardBytes = 4096;

  /// @param shift_bytes by which data() misses its alignment (a page).
  GuardedBuffer(std::size_t max_bytes, std::size_t shift_bytes);
  ~GuardedBuffer();
  GuardedBuffer(const GuardedBuffer&) = delete;
  GuardedBuffer& operator=(const GuardedBuffer&) = delete;

  unsigned char* data() const noexcept { return base_ + kGuardBytes + shift_bytes_; }
  std::size_t max_bytes() const noexcept { return max_bytes_; }
  /// Fills the guards before data() and after its first `used_bytes`.
  void arm(std::size_t used_bytes) noexcept;
  /// Guard bytes that have changed since.
  std::size_t count_broken() const noexcept;

 private:
  std::size_t max_bytes_;
  std::size_t shift_bytes_;
  std::size_t used_bytes_ = 0;
  unsigned char* base_;
};

}  // namespace stretto::perf
