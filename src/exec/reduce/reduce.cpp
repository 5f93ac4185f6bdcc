// Chooses the kernels: the widest variant that this build and this processor have, once.
#include "exec/reduce/reduce.hpp"

#include "exec/reduce/variants.hpp"

namespace stretto {

extern const ReduceTable reduce_table_baseline;
#if defined(__x86_64__)
extern const ReduceTable reduce_table_avx2;
extern const ReduceTable reduce_table_avx512;
#endif

const ReduceTable* reduce_table(ReduceVariant variant) noexcept {
  switch (variant) {
#if defined(__x86_64__)
    case ReduceVariant::avx2: {
      const bool present = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("f16c") != 0;
      return present ? &reduce_table_avx2 : nullptr;
    }
    case ReduceVariant::avx512: {
      const bool present = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
                           __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0 &&
                           __builtin_cpu_supports("f16c") != 0;
      return present ? &reduce_table_avx512 : nullptr;
    }
#endif
    case ReduceVariant::baseline:
      return &reduce_table_baseline;
    default:
      return nullptr;
  }
}

namespace {

const ReduceTable& widest_table() noexcept {
  const ReduceTable* widest = nullptr;
  for (const ReduceVariant variant : kReduceVariants) {
    if (const ReduceTable* table = reduce_table(variant)) widest = table;
  }
  return *widest;
}

}  // namespace

ReduceFunction find_reduce(strettoDataType_t type, strettoRedOp_t op) noexcept {
  if (type < 0 || type >= strettoNumDataTypes || op < 0 || op >= strettoNumRedOps) return nullptr;
  static const ReduceTable& table = widest_table();
  return table[type][op == strettoAvg ? strettoSum : op];
}

}  // namespace stretto
