// Chooses the kernels: the widest variant that this build and this processor have, once.
#include "exec/reduce/reduce.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "exec/reduce/variants.hpp"

namespace stretto {

extern const KernelTable kernel_table_baseline;
#if defined(__x86_64__)
extern const KernelTable kernel_table_avx2;
extern const KernelTable kernel_table_avx512;

/// Clang's __builtin_cpu_supports does not know this feature. (What the system must save for it, it saves for AVX.)
static bool has_f16c() noexcept {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
#endif

const KernelTable* kernel_table(ReduceVariant variant) noexcept {
  switch (variant) {
#if defined(__x86_64__)
    case ReduceVariant::avx2: {
      const bool present = __builtin_cpu_supports("avx2") != 0 && has_f16c();
      return present ? &kernel_table_avx2 : nullptr;
    }
    case ReduceVariant::avx512: {
      const bool present = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                           __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                           has_f16c();
      return present ? &kernel_table_avx512 : nullptr;
    }
#endif
    case ReduceVariant::baseline:
      return &kernel_table_baseline;
    default:
      return nullptr;
  }
}

namespace {

const KernelTable& widest_table() noexcept {
  static const KernelTable& widest = []() -> const KernelTable& {
    const KernelTable* found = nullptr;
    for (const ReduceVariant variant : kReduceVariants) {
      if (const KernelTable* table = kernel_table(variant)) found = table;
    }
    return *found;
  }();
  return widest;
}

bool is_type(strettoDataType_t type) noexcept { return type >= 0 && type < strettoNumDataTypes; }

}  // namespace

ReduceFunction find_reduce(strettoDataType_t type, strettoRedOp_t op) noexcept {
  if (!is_type(type) || op < 0 || op >= strettoNumRedOps) return nullptr;
  return widest_table().reduce[type][op == strettoAvg ? strettoSum : op];
}

ScaleFunction find_scale(strettoDataType_t type) noexcept {
  return is_type(type) ? widest_table().scale[type] : nullptr;
}

ScanFunction find_scan(strettoDataType_t type) noexcept { return is_type(type) ? widest_table().scan[type] : nullptr; }

}  // namespace stretto
