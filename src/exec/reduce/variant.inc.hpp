// One variant, whole: a translation unit defines STRETTO_KERNEL_VARIANT (the name of its table), is compiled for its
// instruction set, and includes this file and nothing else. See CMakeLists.txt.
#include <cstddef>
#include <cstdint>
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "exec/reduce/variants.hpp"

namespace stretto {
namespace {

#include "base/arithmetic/formats.inc.hpp"
#include "base/arithmetic/policies.inc.hpp"
#include "exec/reduce/kernels.inc.hpp"
#include "exec/reduce/scan.inc.hpp"
#if defined(__F16C__)
#include "exec/reduce/half_f16c.inc.hpp"
#else
template <Op op>
constexpr ReduceFunction reduce_halves = reduce<Narrow<Half, op>>;
constexpr ScaleFunction scale_halves = scale<Narrow<Half, Op::prod>>;
#endif

// Rows of the table: {sum, prod, max, min} of one type.
#define INTEGER_ROW(T, Unsigned)                                                     \
  {                                                                                  \
    reduce<Integer<T, Unsigned, Op::sum>>, reduce<Integer<T, Unsigned, Op::prod>>,   \
        reduce<Integer<T, Unsigned, Op::max>>, reduce<Integer<T, Unsigned, Op::min>> \
  }
#define EXTREMES(Bits, Signed, last) \
  reduce<Ordered<Bits, Signed, last, Op::max>>, reduce<Ordered<Bits, Signed, last, Op::min>>
#define NARROW_ROW(F, Signed)                                       \
  {                                                                 \
    reduce<Narrow<F, Op::sum>>, reduce<Narrow<F, Op::prod>>,        \
        EXTREMES(typename F::Bits, Signed, Signed{F::kLastOrdered}) \
  }

}  // namespace

extern const KernelTable STRETTO_KERNEL_VARIANT;
const KernelTable STRETTO_KERNEL_VARIANT = {
    .reduce =
        {
            INTEGER_ROW(std::int8_t, std::uint32_t),
            INTEGER_ROW(std::uint8_t, std::uint32_t),
            INTEGER_ROW(std::int32_t, std::uint32_t),
            INTEGER_ROW(std::uint32_t, std::uint32_t),
            INTEGER_ROW(std::int64_t, std::uint64_t),
            INTEGER_ROW(std::uint64_t, std::uint64_t),
            {reduce_halves<Op::sum>, reduce_halves<Op::prod>,
             EXTREMES(std::uint16_t, std::int16_t, Half::kLastOrdered)},
            {reduce<Float<float, std::uint32_t, Op::sum>>, reduce<Float<float, std::uint32_t, Op::prod>>,
             EXTREMES(std::uint32_t, std::int32_t, 0x7f800000)},
            {reduce<Float<double, std::uint64_t, Op::sum>>, reduce<Float<double, std::uint64_t, Op::prod>>,
             EXTREMES(std::uint64_t, std::int64_t, 0x7ff0000000000000)},
            NARROW_ROW(Bfloat16, std::int16_t),
            NARROW_ROW(Fp8E4m3, std::int8_t),
            NARROW_ROW(Fp8E5m2, std::int8_t),
        },
    .scale =
        {
            scale<Integer<std::int8_t, std::uint32_t, Op::prod>>,
            scale<Integer<std::uint8_t, std::uint32_t, Op::prod>>,
            scale<Integer<std::int32_t, std::uint32_t, Op::prod>>,
            scale<Integer<std::uint32_t, std::uint32_t, Op::prod>>,
            scale<Integer<std::int64_t, std::uint64_t, Op::prod>>,
            scale<Integer<std::uint64_t, std::uint64_t, Op::prod>>,
            scale_halves,
            scale<Float<float, std::uint32_t, Op::prod>>,
            scale<Float<double, std::uint64_t, Op::prod>>,
            scale<Narrow<Bfloat16, Op::prod>>,
            scale<Narrow<Fp8E4m3, Op::prod>>,
            scale<Narrow<Fp8E5m2, Op::prod>>,
        },
    .scan =
        {
            nullptr,
            nullptr,
            nullptr,
            nullptr,
            nullptr,
            nullptr,
            scan<std::uint16_t, std::int16_t, 0x7c00, 0x7c00>,
            scan<std::uint32_t, std::int32_t, 0x7f800000, 0x7f800000>,
            scan<std::uint64_t, std::int64_t, 0x7ff0000000000000, 0x7ff0000000000000>,
            scan<std::uint16_t, std::int16_t, 0x7f80, 0x7f80>,
            scan<std::uint8_t, std::int8_t, 0x7e, -1>,
            scan<std::uint8_t, std::int8_t, 0x7c, 0x7c>,
        },
};

}  // namespace stretto
