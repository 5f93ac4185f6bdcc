// What a reduction computes: one policy per kind of type, for the host's kernels and the GPU's alike, so that both give
// the same bits. Constant expressions throughout: nvcc compiles those for the device as they are. Included inside an
// anonymous namespace after formats.inc.hpp; see there for why.

enum class Op { sum, prod, max, min };

/// Two's complement, wrapping; the average truncates toward zero.
template <typename T, typename Unsigned, Op op>
struct Integer {
  using Wire = T;
  using Accumulator = T;
  static constexpr T load(T value) { return value; }
  static constexpr T store(T value) { return value; }
  static constexpr T combine(T a, T b) {
    if constexpr (op == Op::sum) return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
    if constexpr (op == Op::prod) return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
    if constexpr (op == Op::max) return a < b ? b : a;
    return b < a ? b : a;
  }
  static constexpr T divide(T value, int divisor) {
    if constexpr (sizeof(T) == 8) return value / static_cast<T>(divisor);
    // Exact: a quotient that is no integer is further from one (1 / divisor) than double's rounding reaches.
    return static_cast<T>(static_cast<double>(value) / static_cast<double>(divisor));
  }
};

/// Sum and product of 32-bit and 64-bit floats. A NaN survives every further step, so it is normalised once, at the
/// end: which operand's payload survives is the processor's and the compiler's choice.
template <typename T, typename BitsType, Op op>
struct Float {
  using Wire = T;
  using Accumulator = T;
  static constexpr T load(T value) { return value; }
  static constexpr T store(T value) {
    constexpr auto nan = static_cast<BitsType>(~BitsType{0} >> 1);
    return bits_as<T>(value != value ? nan : bits_as<BitsType>(value));
  }
  static constexpr T combine(T a, T b) { return op == Op::sum ? a + b : a * b; }
  static constexpr T divide(T value, int divisor) { return value / static_cast<T>(divisor); }
};

/// Sum and product of narrow floats.
template <typename F, Op op>
struct Narrow {
  using Wire = typename F::Bits;
  using Accumulator = float;
  static constexpr float load(Wire code) { return F::decode(code); }
  static constexpr Wire store(float value) { return F::encode(value); }
  static constexpr float combine(float a, float b) { return op == Op::sum ? a + b : a * b; }
  static constexpr float divide(float value, int divisor) { return value / static_cast<float>(divisor); }
};

/// Maximum and minimum of floats, on their codes: as sign-magnitude integers floats are in order, -0 before +0, and a
/// NaN is given the place that always wins.
template <typename Bits, typename Signed, Signed last_ordered, Op op>
struct Ordered {
  using Wire = Bits;
  using Accumulator = Signed;
  static constexpr auto kMagnitude = static_cast<Signed>(static_cast<Bits>(~Bits{0}) >> 1);
  static constexpr auto kNan = static_cast<Signed>(op == Op::max ? kMagnitude : -kMagnitude - 1);
  static constexpr Signed load(Bits code) {
    const auto place = static_cast<Signed>(code);
    const auto magnitude = static_cast<Signed>(place & kMagnitude);
    const auto key = static_cast<Signed>(place < 0 ? place ^ kMagnitude : place);
    return magnitude > last_ordered ? kNan : key;
  }
  static constexpr Bits store(Signed key) {
    const auto code = static_cast<Signed>(key < 0 ? key ^ kMagnitude : key);
    return static_cast<Bits>(key == kNan ? kMagnitude : code);
  }
  static constexpr Signed combine(Signed a, Signed b) {
    if constexpr (op == Op::max) return a < b ? b : a;
    return b < a ? b : a;
  }
  static constexpr Signed divide(Signed value, int) { return value; }
};

/// The low end of a word, as an element.
template <typename T>
constexpr T element_of(std::uint64_t word) {
  if constexpr (sizeof(T) == 8) return bits_as<T>(word);
  if constexpr (sizeof(T) == 4) return bits_as<T>(static_cast<std::uint32_t>(word));
  if constexpr (sizeof(T) == 2) return bits_as<T>(static_cast<std::uint16_t>(word));
  if constexpr (sizeof(T) == 1) return bits_as<T>(static_cast<std::uint8_t>(word));
}
