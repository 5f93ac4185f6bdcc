// The kernel: stages its program in shared memory, and has each block run one strand.
#pragma once

#include "device/arithmetic.hpp"
#include "device/cuda_machine.cuh"
#include "device/kernels.hpp"

namespace stretto::device {
namespace {

/// Sixteen bytes a thread; what is beyond the end, up to the next sixteen, is copied too.
__device__ __forceinline__ void stage(std::byte* to, const std::byte* from, std::uint32_t bytes) {
  for (std::uint32_t i = threadIdx.x * 16; i < bytes; i += blockDim.x * 16) {
    *reinterpret_cast<uint4*>(to + i) = *reinterpret_cast<const uint4*>(from + i);
  }
}

/// Dynamic shared memory: the program's image.
template <class Arithmetic, Protocol protocol>
__global__ void __launch_bounds__(kMostThreadsPerBlock) run_program(const __grid_constant__ KernelArguments arguments) {
  extern __shared__ __align__(16) std::byte image[];
  __shared__ CudaBlock block;
  __shared__ Operation operation;
  __shared__ std::byte* windows[kInlineWindows];
  if (arguments.image == nullptr) {
    stage(image, arguments.inline_image, arguments.image_bytes);
  } else {
    stage(image, arguments.image, arguments.image_bytes);
  }
  if (threadIdx.x < kInlineWindows) windows[threadIdx.x] = arguments.windows[threadIdx.x];
  if (threadIdx.x == 0) {
    block.failed = 0;
    operation = arguments.operation;
    if (operation.windows == nullptr) operation.windows = windows;
  }
  __syncthreads();
  const Window own{operation.windows[operation.rank], operation.rank};
  CudaMachine machine(block, arguments, own.header().dead != 0);
  const ProgramView program(image);
  Interpreter<CudaMachine, Arithmetic, protocol>(machine, program, operation, blockIdx.x).run();
}

template <class Arithmetic>
KernelPair kernels_of() {
  return {reinterpret_cast<const void*>(run_program<Arithmetic, Protocol::packets>),
          reinterpret_cast<const void*>(run_program<Arithmetic, Protocol::slots>)};
}

/// The rows of one type: {sum, prod, max, min}.
template <template <Op> class Reduce>
TypeKernels kernels_of_type() {
  return {{kernels_of<Reduce<Op::sum>>(), kernels_of<Reduce<Op::prod>>(), kernels_of<Reduce<Op::max>>(),
           kernels_of<Reduce<Op::min>>()}};
}

}  // namespace
}  // namespace stretto::device
