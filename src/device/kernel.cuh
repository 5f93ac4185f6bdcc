// The kernels: one stages its program in shared memory, and has each block run one strand; others exchange messages, by
// packets or by wide packets; the last one only adds up the smallest.
#pragma once

#include "device/arithmetic.hpp"
#include "device/cuda_machine.cuh"
#include "device/exchange_runner.hpp"
#include "device/kernels.hpp"
#include "device/pairs_runner.hpp"
#include "device/short_sum_runner.hpp"
#include "device/wide_exchange_runner.hpp"

namespace stretto::device {
namespace {

/// Sixteen bytes a thread; what is beyond the end, up to the next sixteen, is copied too.
__device__ __forceinline__ void stage(std::byte* to, const std::byte* from, std::uint32_t bytes) {
  for (std::uint32_t i = threadIdx.x * 16; i < bytes; i += blockDim.x * 16) {
    *reinterpret_cast<uint4*>(to + i) = *reinterpret_cast<const uint4*>(from + i);
  }
}

template <class Arithmetic, Protocol protocol>
struct OneStrand {
  static __device__ __forceinline__ void run(CudaMachine& machine, const ProgramView& program,
                                             const Operation& operation) {
    Interpreter<CudaMachine, Arithmetic, protocol>(machine, program, operation, blockIdx.x).run();
  }
};
struct Pairs {
  static __device__ __forceinline__ void run(CudaMachine& machine, const ProgramView& program,
                                             const Operation& operation) {
    run_pairs<Bytes>(machine, program, operation, blockIdx.x);
  }
};

/// Dynamic shared memory: the program's image. `Block`: what a block of threads does.
template <class Block>
__global__ void __launch_bounds__(kMostThreadsPerBlock) run_program(const __grid_constant__ KernelArguments arguments) {
  extern __shared__ __align__(16) std::byte image[];
  __shared__ CudaBlock block;
  __shared__ Operation operation;
  __shared__ std::byte* windows[kInlineWindows];
  const std::uint32_t rank = arguments.operation.rank;
  std::byte* const* const table = arguments.operation.windows;
  const Window own{table != nullptr ? table[rank] : arguments.windows[rank], rank};
  const bool is_dead = ptx::load_relaxed(&own.header().dead) != 0;  // on its way while the program is staged
  stage(image, arguments.image, static_cast<std::uint32_t>(arguments.image_bytes));
  if (threadIdx.x < kInlineWindows) windows[threadIdx.x] = arguments.windows[threadIdx.x];
  if (threadIdx.x == 0) {
    block.failed = 0;
    operation = arguments.operation;
    if (operation.windows == nullptr) operation.windows = windows;
  }
  __syncthreads();
  CudaMachine machine(block, arguments.faults, is_dead);
  const ProgramView program(image);
  Block::run(machine, program, operation);
}

/// One block is one channel.
template <class Arithmetic>
__global__ void __launch_bounds__(kMostThreadsPerBlock)
    run_exchange(const __grid_constant__ ExchangeArguments arguments) {
  __shared__ CudaBlock block;
  __shared__ ExchangeLinks links;
  if (threadIdx.x == 0) block.failed = 0;
  ptx::allow_next_kernel();
  ptx::await_kernel_before();
  CudaMachine machine(block, arguments.faults, false);
  ExchangeRunner<CudaMachine, Arithmetic>(machine, arguments.exchange, links, blockIdx.x).run();
}

/// Likewise, of whole warps.
template <class Arithmetic, bool plain>
__global__ void __launch_bounds__(kMostThreadsPerBlock)
    run_wide_exchange(const __grid_constant__ ExchangeArguments arguments) {
  __shared__ CudaBlock block;
  __shared__ ExchangeLinks links;
  if (threadIdx.x == 0) block.failed = 0;
  __syncthreads();
  CudaMachine machine(block, arguments.faults, false);
  WideExchangeRunner<CudaMachine, Arithmetic, plain>(machine, arguments.exchange, links, blockIdx.x).run();
}

/// One block is one channel, and has as many threads as its parts need.
template <class Arithmetic, std::uint32_t parts_per_thread>
__global__ void __launch_bounds__(kMostShortSumThreads)
    run_short_sum(const __grid_constant__ ShortSumArguments arguments) {
  __shared__ CudaBlock block;
  using Runner = ShortSumRunner<ShortCudaMachine, Arithmetic, parts_per_thread>;
  __shared__ typename Runner::Landing landing;
  if (threadIdx.x == 0) block.failed = 0;
  ptx::allow_next_kernel();
  ptx::await_kernel_before();
  ShortCudaMachine machine(block, arguments.faults, false);
  Runner(machine, arguments.sum, landing, blockIdx.x).run();
}

template <class Arithmetic, std::uint32_t parts_per_thread>
const void* short_sum_kernel() {
  if constexpr (Arithmetic::reduces) return reinterpret_cast<const void*>(run_short_sum<Arithmetic, parts_per_thread>);
  return nullptr;
}

template <class Arithmetic>
KernelSet kernels_of() {
  return {reinterpret_cast<const void*>(run_program<OneStrand<Arithmetic, Protocol::packets>>),
          reinterpret_cast<const void*>(run_program<OneStrand<Arithmetic, Protocol::slots>>),
          reinterpret_cast<const void*>(run_exchange<Arithmetic>),
          reinterpret_cast<const void*>(run_wide_exchange<Arithmetic, true>),
          reinterpret_cast<const void*>(run_wide_exchange<Arithmetic, false>),
          {short_sum_kernel<Arithmetic, 1>(), short_sum_kernel<Arithmetic, 2>()}};
}

/// The rows of one type: {sum, prod, max, min}.
template <template <Op> class Reduce>
TypeKernels kernels_of_type() {
  return {{kernels_of<Reduce<Op::sum>>(), kernels_of<Reduce<Op::prod>>(), kernels_of<Reduce<Op::max>>(),
           kernels_of<Reduce<Op::min>>()}};
}

}  // namespace
}  // namespace stretto::device
