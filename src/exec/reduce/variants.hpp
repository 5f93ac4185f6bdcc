// The same kernels compiled for several instruction sets. All variants give the same bits (tests hold them to it);
// find_reduce picks the widest one that this processor has. To be included by src/exec/reduce and its tests only.
#pragma once

#include <array>

#include "exec/reduce/reduce.hpp"

namespace stretto {

enum class ReduceVariant { baseline, avx2, avx512 };
inline constexpr std::array kReduceVariants{ReduceVariant::baseline, ReduceVariant::avx2, ReduceVariant::avx512};

/// All kernels of one variant.
struct KernelTable {
  ReduceFunction reduce[strettoNumDataTypes][strettoAvg];  ///< by type, and by strettoSum, Prod, Max or Min
  ScaleFunction scale[strettoNumDataTypes];
  ScanFunction scan[strettoNumDataTypes];  ///< nullptr for integers
};

/// nullptr if this build or this processor does not have the variant. The baseline is always there.
const KernelTable* kernel_table(ReduceVariant variant) noexcept;

}  // namespace stretto
