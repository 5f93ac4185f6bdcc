// The kernels by which link_perf moves bytes and flags, as launches: plain C++ to include. Each runs on the current
// device, in a stream of it, and throws std::runtime_error if it cannot be launched. Where a kernel waits it gives up
// at its time limit and says so in `stuck`.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace stretto::perf::link {

/// Loads all kernels of this file on the current device and makes them ready, so that no launch has to.
void prepare(int device);

/// Bytes that copies are made of: sizes are multiples of it.
inline constexpr std::size_t kUnitBytes = 32768;

struct Copy {
  void* to = nullptr;
  const void* from = nullptr;
  std::size_t bytes = 0;  ///< a multiple of kUnitBytes; 16-byte aligned places
  int sms = 1;            ///< one block on each
  std::uint64_t timeout_ns = 0;
  std::uint32_t* stuck = nullptr;  ///< host memory that kernels reach; set to 1 where the time limit passed
};
/// By the registers of 512 threads on each SM, eight times 16 bytes of each under way.
void copy_by_threads(const Copy& copy, cudaStream_t stream);
/// By the bulk-async engine: one thread on each SM, four times 32 KiB under way through shared memory.
void copy_by_bulk(const Copy& copy, cudaStream_t stream);

/// Writes a pattern, of `seed`, and counts the 8-byte words of a buffer that do not have it.
void fill(void* to, std::size_t bytes, std::uint64_t seed, cudaStream_t stream);
void count_wrong(const void* buffer, std::size_t bytes, std::uint64_t seed, unsigned long long* wrong,
                 cudaStream_t stream);

/// One of two kernels that answer each other's flag.
struct PingPong {
  std::uint32_t* mine = nullptr;  ///< in this device's memory; 0 at first
  std::uint32_t* peers = nullptr;
  int rounds = 0;
  int warmup_rounds = 0;
  bool begins = false;
  bool ordered = false;  ///< each store a release and each load an acquire, otherwise all relaxed
  std::uint64_t timeout_ns = 0;
  std::uint32_t* stuck = nullptr;
  std::uint64_t* elapsed_ns = nullptr;  ///< of `rounds` round trips; host memory that kernels reach
};
void ping_pong(const PingPong& play, cudaStream_t stream);

/// A kernel that does nothing.
void nothing(cudaStream_t stream);

}  // namespace stretto::perf::link
