// The kernel: stages its program in shared memory, and has each block run one strand.
#pragma once

#include "device/arithmetic.hpp"
#include "device/cuda_machine.cuh"
#include "device/kernels.hpp"

namespace stretto::device {
namespace {

/// Dynamic shared memory: the program's image.
template <class Arithmetic, Protocol protocol>
__global__ void __launch_bounds__(kMostThreadsPerBlock) run_program(const __grid_constant__ KernelArguments arguments) {
  extern __shared__ __align__(16) std::byte image[];
  __shared__ CudaBlock block;
  __shared__ Operation operation;
  const std::byte* const source = arguments.image != nullptr ? arguments.image : arguments.inline_image;
  for (std::uint32_t i = threadIdx.x * 16; i < arguments.image_bytes; i += blockDim.x * 16) {
    *reinterpret_cast<uint4*>(image + i) = *reinterpret_cast<const uint4*>(source + i);
  }
  if (threadIdx.x == 0) {
    block.failed = 0;
    operation = arguments.operation;
    if (operation.windows == nullptr) operation.windows = const_cast<std::byte* const*>(arguments.windows);
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
