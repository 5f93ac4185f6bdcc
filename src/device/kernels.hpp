// The kernels that there are: one per type and operation, one for collectives that only move bytes; each in six
// forms (the shortest by parts of a thread, too), and one for sends and receives. A type's kernels are one translation
// unit (kernels/*.cu).
#pragma once

#include "device/kernel_arguments.hpp"

namespace stretto::device {

/// Functions as the CUDA runtime takes them.
struct KernelSet {
  const void* packets = nullptr;   ///< programs, by packets; of KernelArguments
  const void* slots = nullptr;     ///< programs, by slots; of KernelArguments
  const void* exchange = nullptr;  ///< by packets; of ExchangeArguments
  const void* wide = nullptr;      ///< exchanges by wide packets, plain ones; of ExchangeArguments
  const void* odd_wide = nullptr;  ///< others
  /// Of ShortSumArguments, by parts per thread, from 1; none of what only moves bytes.
  const void* short_sum[kMostShortSumPartsPerThread] = {};
};

struct TypeKernels {
  KernelSet by_op[4];  ///< sum, prod, max, min
};

TypeKernels kernels_int8();
TypeKernels kernels_uint8();
TypeKernels kernels_int32();
TypeKernels kernels_uint32();
TypeKernels kernels_int64();
TypeKernels kernels_uint64();
TypeKernels kernels_half();
TypeKernels kernels_float32();
TypeKernels kernels_float64();
TypeKernels kernels_bfloat16();
TypeKernels kernels_e4m3();
TypeKernels kernels_e5m2();
KernelSet kernels_bytes();
/// Programs of sends and receives; of KernelArguments.
const void* kernel_pairs();

}  // namespace stretto::device
