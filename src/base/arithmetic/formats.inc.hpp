// Floating-point formats narrower than 32 bits, as branch-free integer arithmetic that compilers vectorise.
// Included once by each variant's translation unit, inside its anonymous namespace: code compiled for a wide
// instruction set must never become the linker's choice for all. So nothing here comes from the standard library.

/// Every NaN result is this one, in every format: sign 0, all other bits 1. It is what NVIDIA GPUs give for 16-bit and
/// 32-bit floats and for fp8.
constexpr std::uint32_t kFloatNan = 0x7fffffffU;

template <typename To, typename From>
constexpr To bits_as(From value) {
  static_assert(sizeof(To) == sizeof(From));
  return __builtin_bit_cast(To, value);
}

/// A format of 1 sign bit, `exponent_bits` and `mantissa_bits`, with gradual underflow. `last_finite` is the code of
/// its largest number, `overflow` the code that larger ones round to, `last_ordered` the largest code that is no NaN.
template <typename BitsType, int exponent_bits, int mantissa_bits, std::int32_t last_finite, std::int32_t overflow,
          std::int32_t last_ordered>
struct Format {
  using Bits = BitsType;
  static constexpr std::int32_t kMagnitude = (1 << (exponent_bits + mantissa_bits)) - 1;
  static constexpr std::int32_t kLastOrdered = last_ordered;
  static constexpr int kSignShift = 31 - exponent_bits - mantissa_bits;
  static constexpr int kShift = 23 - mantissa_bits;
  static constexpr std::int32_t kBias = (1 << (exponent_bits - 1)) - 1;
  static constexpr std::int32_t kRebias = (127 - kBias) << 23;
  /// Value of the least subnormal, as a float, and the float whose unit in the last place it is.
  static constexpr std::int32_t kUnit = (127 + 1 - kBias - mantissa_bits) << 23;
  static constexpr std::int32_t kRounder = (127 + 1 - kBias - mantissa_bits + 23) << 23;

  static constexpr float decode(Bits code) {
    const std::int32_t magnitude = code & kMagnitude;
    const std::int32_t sign = static_cast<std::int32_t>(static_cast<std::uint32_t>(code - magnitude) << kSignShift);
    const std::int32_t normal = (magnitude << kShift) + kRebias;
    const auto subnormal = bits_as<std::int32_t>(static_cast<float>(magnitude) * bits_as<float>(kUnit));
    std::int32_t result = magnitude < (1 << mantissa_bits) ? subnormal : normal;
    result = magnitude > last_finite ? 0x7f800000 : result;
    result = magnitude > last_ordered ? static_cast<std::int32_t>(kFloatNan) : result;
    return bits_as<float>(result | sign);
  }

  /// To nearest, ties to even.
  static constexpr Bits encode(float value) {
    const auto bits = bits_as<std::uint32_t>(value);
    const auto magnitude = static_cast<std::int32_t>(bits & kFloatNan);
    const std::int32_t odd = (magnitude >> kShift) & 1;
    const std::int32_t normal = (magnitude - kRebias + ((1 << (kShift - 1)) - 1) + odd) >> kShift;
    // The adder rounds: the sum's last place is the format's least subnormal.
    const float sum = bits_as<float>(magnitude) + bits_as<float>(kRounder);
    const std::int32_t subnormal = bits_as<std::int32_t>(sum) - kRounder;
    std::int32_t result = magnitude < kRebias + (1 << 23) ? subnormal : normal;
    result = result > last_finite ? overflow : result;
    result |= static_cast<std::int32_t>(bits >> 31) << (31 - kSignShift);
    result = magnitude > 0x7f800000 ? kMagnitude : result;
    return static_cast<Bits>(result);
  }
};

using Half = Format<std::uint16_t, 5, 10, 0x7bff, 0x7c00, 0x7c00>;
/// fp8 saturates to its largest finite number, infinities included, as NVIDIA's conversions (satfinite) do.
using Fp8E4m3 = Format<std::uint8_t, 4, 3, 0x7e, 0x7e, 0x7e>;
using Fp8E5m2 = Format<std::uint8_t, 5, 2, 0x7b, 0x7b, 0x7c>;

/// The upper half of a float.
struct Bfloat16 {
  using Bits = std::uint16_t;
  static constexpr std::int32_t kMagnitude = 0x7fff;
  static constexpr std::int32_t kLastOrdered = 0x7f80;

  static constexpr float decode(Bits code) { return bits_as<float>(static_cast<std::uint32_t>(code) << 16); }

  static constexpr Bits encode(float value) {
    const auto bits = bits_as<std::uint32_t>(value);
    const std::uint32_t rounded = (bits + 0x7fffU + ((bits >> 16) & 1U)) >> 16;
    return static_cast<Bits>(static_cast<std::int32_t>(bits & kFloatNan) > 0x7f800000 ? kMagnitude : rounded);
  }
};
