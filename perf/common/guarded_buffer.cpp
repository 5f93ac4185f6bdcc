#include "perf/common/guarded_buffer.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace stretto::perf {
namespace {

constexpr unsigned char kGuard = 0xc3;

}  // namespace

GuardedBuffer::GuardedBuffer(std::size_t max_bytes, std::size_t shift_bytes)
    : max_bytes_(max_bytes), shift_bytes_(shift_bytes) {
  void* const memory = mmap(nullptr, max_bytes + shift_bytes + 2 * kGuardBytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  base_ = static_cast<unsigned char*>(memory);
}

GuardedBuffer::~GuardedBuffer() { munmap(base_, max_bytes_ + shift_bytes_ + 2 * kGuardBytes); }

void GuardedBuffer::arm(std::size_t used_bytes) noexcept {
  used_bytes_ = used_bytes;
  std::memset(base_, kGuard, kGuardBytes + shift_bytes_);
  std::memset(data() + used_bytes, kGuard, kGuardBytes);
}

std::size_t GuardedBuffer::count_broken() const noexcept {
  const auto broken = [](const unsigned char* from, std::size_t bytes) {
    return static_cast<std::size_t>(std::count_if(from, from + bytes, [](unsigned char c) { return c != kGuard; }));
  };
  return broken(base_, kGuardBytes + shift_bytes_) + broken(data() + used_bytes_, kGuardBytes);
}

}  // namespace stretto::perf
