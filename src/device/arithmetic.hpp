// What kernels compute: the host's policies (base/arithmetic), one struct for each type and operation, so that GPUs
// give the host's bits. Included by translation units of kernels and by tests; everything has internal linkage.
#pragma once

#include <cstdint>
#include <type_traits>

#include "device/portable.hpp"
#if defined(__CUDACC__)
#include "device/ptx.cuh"
#endif

namespace stretto::device {
namespace {

#include "base/arithmetic/formats.inc.hpp"
#include "base/arithmetic/policies.inc.hpp"
#include "device/conversions.inc.hpp"

/// Collectives that move bytes.
struct Bytes {
  static constexpr bool reduces = false;
  struct Policy {
    using Wire = std::uint64_t;
    using Accumulator = std::uint64_t;
    static constexpr std::uint64_t load(std::uint64_t word) { return word; }
    static constexpr std::uint64_t store(std::uint64_t word) { return word; }
    static constexpr std::uint64_t combine(std::uint64_t, std::uint64_t b) { return b; }
    static constexpr std::uint64_t divide(std::uint64_t word, int) { return word; }
  };
  using Product = Policy;
};

/// `ProductType`: the product of two, for inputs that are multiplied first; only sums are.
template <class PolicyType, class ProductType = PolicyType>
struct Reduction {
  static constexpr bool reduces = true;
  using Policy = PolicyType;
  using Product = ProductType;
};

template <typename T, typename Unsigned, Op op>
using ReduceInteger = Reduction<Integer<T, Unsigned, op>, Integer<T, Unsigned, op == Op::sum ? Op::prod : op>>;
template <typename T, typename Bits, Op op>
using ReduceFloat = Reduction<Float<T, Bits, op>, Float<T, Bits, Op::prod>>;
template <class Format, Op op>
using ReduceNarrow = Reduction<Narrow<Format, op>, Narrow<Format, Op::prod>>;
template <typename Bits, typename Signed, Signed last_ordered, Op op>
using ReduceOrdered = Reduction<Ordered<Bits, Signed, last_ordered, op>>;

/// Floats: sums and products by value, extremes by order.
template <class ByValue, typename Bits, typename Signed, Signed last_ordered, Op op>
using ReduceAny =
    std::conditional_t<op == Op::sum || op == Op::prod, ByValue, ReduceOrdered<Bits, Signed, last_ordered, op>>;

// One name per type; an average is a sum.
template <Op op>
using ReduceInt8 = ReduceInteger<std::int8_t, std::uint32_t, op>;
template <Op op>
using ReduceUint8 = ReduceInteger<std::uint8_t, std::uint32_t, op>;
template <Op op>
using ReduceInt32 = ReduceInteger<std::int32_t, std::uint32_t, op>;
template <Op op>
using ReduceUint32 = ReduceInteger<std::uint32_t, std::uint32_t, op>;
template <Op op>
using ReduceInt64 = ReduceInteger<std::int64_t, std::uint64_t, op>;
template <Op op>
using ReduceUint64 = ReduceInteger<std::uint64_t, std::uint64_t, op>;
template <Op op>
using ReduceHalf = ReduceAny<ReduceNarrow<ChipHalf, op>, std::uint16_t, std::int16_t, Half::kLastOrdered, op>;
template <Op op>
using ReduceBfloat16 =
    ReduceAny<ReduceNarrow<ChipBfloat16, op>, std::uint16_t, std::int16_t, Bfloat16::kLastOrdered, op>;
template <Op op>
using ReduceE4m3 = ReduceAny<ReduceNarrow<ChipFp8E4m3, op>, std::uint8_t, std::int8_t, Fp8E4m3::kLastOrdered, op>;
template <Op op>
using ReduceE5m2 = ReduceAny<ReduceNarrow<ChipFp8E5m2, op>, std::uint8_t, std::int8_t, Fp8E5m2::kLastOrdered, op>;
template <Op op>
using ReduceFloat32 = ReduceAny<ReduceFloat<float, std::uint32_t, op>, std::uint32_t, std::int32_t, 0x7f800000, op>;
template <Op op>
using ReduceFloat64 =
    ReduceAny<ReduceFloat<double, std::uint64_t, op>, std::uint64_t, std::int64_t, 0x7ff0000000000000, op>;

}  // namespace
}  // namespace stretto::device
