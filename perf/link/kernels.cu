#include <cuda/atomic>
#include <cuda/ptx>

#include "perf/gpu/cuda_check.hpp"
#include "perf/link/kernels.hpp"

namespace stretto::perf::link {
namespace {

namespace ptx = cuda::ptx;

constexpr int kThreads = 512;
constexpr int kInFlight = 8;
constexpr int kStages = 4;
/// Polls between two looks at the clock.
constexpr unsigned kPollsPerLook = 1024;

/// A time limit that costs little to look at.
class Deadline {
 public:
  __device__ explicit Deadline(std::uint64_t timeout_ns) : end_ns_(ptx::get_sreg_globaltimer() + timeout_ns) {}
  __device__ bool passed() { return ++polls_ % kPollsPerLook == 0 && ptx::get_sreg_globaltimer() > end_ns_; }

 private:
  std::uint64_t end_ns_;
  unsigned polls_ = 0;
};

__device__ std::uint64_t pattern(std::uint64_t index, std::uint64_t seed) {
  std::uint64_t value = (index + seed) * 0x9e3779b97f4a7c15U;
  return value ^ (value >> 29);
}

__device__ std::size_t first_thread() { return static_cast<std::size_t>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ std::size_t all_threads() { return static_cast<std::size_t>(gridDim.x) * blockDim.x; }

__global__ void fill_kernel(std::uint64_t* to, std::size_t words, std::uint64_t seed) {
  for (std::size_t i = first_thread(); i < words; i += all_threads()) to[i] = pattern(i, seed);
}

__global__ void count_wrong_kernel(const std::uint64_t* buffer, std::size_t words, std::uint64_t seed,
                                   unsigned long long* wrong) {
  unsigned long long mine = 0;
  for (std::size_t i = first_thread(); i < words; i += all_threads()) mine += buffer[i] != pattern(i, seed) ? 1 : 0;
  if (mine != 0) atomicAdd(wrong, mine);
}

/// Loads first, all of them, then stores: the time of a load across the link is paid once for kInFlight of them.
__global__ void __launch_bounds__(kThreads)
    copy_by_threads_kernel(uint4* __restrict__ to, const uint4* __restrict__ from, std::size_t words) {
  const std::size_t stride = all_threads();
  std::size_t i = first_thread();
  for (; i + (kInFlight - 1) * stride < words; i += kInFlight * stride) {
    uint4 held[kInFlight];
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) held[k] = __ldcg(from + i + k * stride);
#pragma unroll
    for (int k = 0; k < kInFlight; ++k) to[i + k * stride] = held[k];
  }
  for (; i < words; i += stride) to[i] = __ldcg(from + i);
}

// The bulk-async engine came with sm_90.
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 900
#define STRETTO_LINK_HAS_BULK 1
#else
#define STRETTO_LINK_HAS_BULK 0
#endif

#if STRETTO_LINK_HAS_BULK
/// One thread's ring of stages in shared memory. Stage s is loaded while those before it are stored; its barrier says
/// when the load has come, the bulk groups when the store has been read out of it.
class BulkRing {
 public:
  __device__ BulkRing(const Copy& copy, std::byte* stages, std::uint64_t* barriers)
      : copy_(copy), stages_(stages), barriers_(barriers) {
    for (int stage = 0; stage < kStages; ++stage) ptx::mbarrier_init(&barriers_[stage], 1);
    ptx::fence_proxy_async(ptx::space_shared);
  }
  __device__ void load(std::size_t unit) {
    const auto stage = static_cast<int>(unit % kStages);
    const auto bytes = static_cast<std::uint32_t>(kUnitBytes);
    ptx::mbarrier_arrive_expect_tx(ptx::sem_release, ptx::scope_cta, ptx::space_shared, &barriers_[stage], bytes);
    ptx::cp_async_bulk(ptx::space_cluster, ptx::space_global, stages_ + stage * kUnitBytes,
                       static_cast<const std::byte*>(copy_.from) + offset(unit), bytes, &barriers_[stage]);
  }
  /// False if it did not come in time.
  __device__ bool wait_for(std::size_t unit) {
    const auto parity = static_cast<std::uint32_t>(unit / kStages % 2);
    Deadline deadline(copy_.timeout_ns);
    while (!ptx::mbarrier_try_wait_parity(&barriers_[unit % kStages], parity)) {
      if (deadline.passed()) return false;
    }
    return true;
  }
  __device__ void store(std::size_t unit) {
    ptx::cp_async_bulk(ptx::space_global, ptx::space_shared, static_cast<std::byte*>(copy_.to) + offset(unit),
                       stages_ + unit % kStages * kUnitBytes, static_cast<std::uint32_t>(kUnitBytes));
    ptx::cp_async_bulk_commit_group();
  }

 private:
  __device__ std::size_t offset(std::size_t unit) const { return (blockIdx.x + unit * gridDim.x) * kUnitBytes; }
  const Copy& copy_;
  std::byte* stages_;
  std::uint64_t* barriers_;
};
#endif

__global__ void __launch_bounds__(32) copy_by_bulk_kernel(const __grid_constant__ Copy copy) {
#if STRETTO_LINK_HAS_BULK
  extern __shared__ __align__(128) std::byte stages[];
  __shared__ std::uint64_t barriers[kStages];
  if (threadIdx.x != 0) return;
  BulkRing ring(copy, stages, barriers);
  const std::size_t all_units = copy.bytes / kUnitBytes;
  const std::size_t units = all_units > blockIdx.x ? (all_units - blockIdx.x - 1) / gridDim.x + 1 : 0;
  for (std::size_t unit = 0; unit < kStages - 1 && unit < units; ++unit) ring.load(unit);
  for (std::size_t unit = 0; unit < units; ++unit) {
    if (!ring.wait_for(unit)) {
      *copy.stuck = 1;
      return;
    }
    ring.store(unit);
    if (unit + kStages - 1 >= units) continue;
    // The stage to load next is that of the store before this one.
    ptx::cp_async_bulk_wait_group_read(ptx::n32_t<1>());
    ring.load(unit + kStages - 1);
  }
  ptx::cp_async_bulk_wait_group(ptx::n32_t<0>());
#else
  *copy.stuck = 1;
#endif
}

template <bool kOrdered>
__device__ bool wait_for_flag(std::uint32_t* flag, std::uint32_t value, std::uint64_t timeout_ns) {
  const cuda::atomic_ref<std::uint32_t, cuda::thread_scope_system> seen(*flag);
  Deadline deadline(timeout_ns);
  while (seen.load(kOrdered ? cuda::memory_order_acquire : cuda::memory_order_relaxed) < value) {
    if (deadline.passed()) return false;
  }
  return true;
}

template <bool kOrdered>
__global__ void ping_pong_kernel(const __grid_constant__ PingPong play) {
  const cuda::atomic_ref<std::uint32_t, cuda::thread_scope_system> told(*play.peers);
  const auto tell = [&](std::uint32_t value) {
    told.store(value, kOrdered ? cuda::memory_order_release : cuda::memory_order_relaxed);
  };
  const int rounds = play.warmup_rounds + play.rounds;
  std::uint64_t start_ns = ptx::get_sreg_globaltimer();
  for (int round = 0; round < rounds; ++round) {
    if (round == play.warmup_rounds) start_ns = ptx::get_sreg_globaltimer();
    const auto value = static_cast<std::uint32_t>(round + 1);
    if (play.begins) tell(value);
    if (!wait_for_flag<kOrdered>(play.mine, value, play.timeout_ns)) {
      *play.stuck = 1;
      return;
    }
    if (!play.begins) tell(value);
  }
  *play.elapsed_ns = ptx::get_sreg_globaltimer() - start_ns;
}

__global__ void nothing_kernel() {}

constexpr std::size_t kRingBytes = kStages * kUnitBytes;

void check_launch(const char* kernel) {
  const cudaError_t error = cudaGetLastError();
  if (error == cudaSuccess) return;
  int device = -1;
  cudaGetDevice(&device);
  check_cuda(error, kernel, device);
}

}  // namespace

void prepare(int device) {
  check_cuda(cudaFuncSetAttribute(copy_by_bulk_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                  static_cast<int>(kRingBytes)),
             "shared memory for bulk copies", device);
  for (const void* kernel :
       {reinterpret_cast<const void*>(fill_kernel), reinterpret_cast<const void*>(count_wrong_kernel),
        reinterpret_cast<const void*>(copy_by_threads_kernel), reinterpret_cast<const void*>(copy_by_bulk_kernel),
        reinterpret_cast<const void*>(ping_pong_kernel<false>), reinterpret_cast<const void*>(ping_pong_kernel<true>),
        reinterpret_cast<const void*>(nothing_kernel)}) {
    cudaFuncAttributes attributes{};
    check_cuda(cudaFuncGetAttributes(&attributes, kernel), "loading kernels of sm_90", device);
  }
}

void copy_by_threads(const Copy& copy, cudaStream_t stream) {
  copy_by_threads_kernel<<<copy.sms, kThreads, 0, stream>>>(
      static_cast<uint4*>(copy.to), static_cast<const uint4*>(copy.from), copy.bytes / sizeof(uint4));
  check_launch("a copy by threads");
}

void copy_by_bulk(const Copy& copy, cudaStream_t stream) {
  copy_by_bulk_kernel<<<copy.sms, 32, kRingBytes, stream>>>(copy);
  check_launch("a bulk-async copy");
}

void fill(void* to, std::size_t bytes, std::uint64_t seed, cudaStream_t stream) {
  fill_kernel<<<256, 256, 0, stream>>>(static_cast<std::uint64_t*>(to), bytes / 8, seed);
  check_launch("filling memory");
}

void count_wrong(const void* buffer, std::size_t bytes, std::uint64_t seed, unsigned long long* wrong,
                 cudaStream_t stream) {
  count_wrong_kernel<<<256, 256, 0, stream>>>(static_cast<const std::uint64_t*>(buffer), bytes / 8, seed, wrong);
  check_launch("comparing memory");
}

void ping_pong(const PingPong& play, cudaStream_t stream) {
  if (play.ordered) {
    ping_pong_kernel<true><<<1, 1, 0, stream>>>(play);
  } else {
    ping_pong_kernel<false><<<1, 1, 0, stream>>>(play);
  }
  check_launch("a flag's round trip");
}

void nothing(cudaStream_t stream) {
  nothing_kernel<<<1, 32, 0, stream>>>();
  check_launch("an empty kernel");
}

}  // namespace stretto::perf::link
