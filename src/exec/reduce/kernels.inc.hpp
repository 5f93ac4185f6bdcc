// The reduction kernels: what to compute (one policy per kind of type) and how to walk the operands (reduce). Included
// once by each variant's translation unit, inside its anonymous namespace; see formats.inc.hpp for why.

enum class Op { sum, prod, max, min };

#if defined(__clang__)
#define STRETTO_NO_LOOP_DEPENDENCE _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRETTO_NO_LOOP_DEPENDENCE _Pragma("GCC ivdep")
#endif

/// Two's complement, wrapping; the average truncates toward zero.
template <typename T, typename Unsigned, Op op>
struct Integer {
  using Wire = T;
  using Accumulator = T;
  static T load(T value) { return value; }
  static T store(T value) { return value; }
  static T combine(T a, T b) {
    if constexpr (op == Op::sum) return static_cast<T>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
    if constexpr (op == Op::prod) return static_cast<T>(static_cast<Unsigned>(a) * static_cast<Unsigned>(b));
    if constexpr (op == Op::max) return a < b ? b : a;
    return b < a ? b : a;
  }
  static T divide(T value, int divisor) {
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
  static T load(T value) { return value; }
  static T store(T value) {
    constexpr auto nan = static_cast<BitsType>(~BitsType{0} >> 1);
    return bits_as<T>(value != value ? nan : bits_as<BitsType>(value));
  }
  static T combine(T a, T b) { return op == Op::sum ? a + b : a * b; }
  static T divide(T value, int divisor) { return value / static_cast<T>(divisor); }
};

/// Sum and product of narrow floats.
template <typename F, Op op>
struct Narrow {
  using Wire = typename F::Bits;
  using Accumulator = float;
  static float load(Wire code) { return F::decode(code); }
  static Wire store(float value) { return F::encode(value); }
  static float combine(float a, float b) { return op == Op::sum ? a + b : a * b; }
  static float divide(float value, int divisor) { return value / static_cast<float>(divisor); }
};

/// Maximum and minimum of floats, on their codes: as sign-magnitude integers floats are in order, -0 before +0, and a
/// NaN is given the place that always wins.
template <typename Bits, typename Signed, Signed last_ordered, Op op>
struct Ordered {
  using Wire = Bits;
  using Accumulator = Signed;
  static constexpr auto kMagnitude = static_cast<Signed>(static_cast<Bits>(~Bits{0}) >> 1);
  static constexpr auto kNan = static_cast<Signed>(op == Op::max ? kMagnitude : -kMagnitude - 1);
  static Signed load(Bits code) {
    const auto place = static_cast<Signed>(code);
    const auto magnitude = static_cast<Signed>(place & kMagnitude);
    const auto key = static_cast<Signed>(place < 0 ? place ^ kMagnitude : place);
    return magnitude > last_ordered ? kNan : key;
  }
  static Bits store(Signed key) {
    const auto code = static_cast<Signed>(key < 0 ? key ^ kMagnitude : key);
    return static_cast<Bits>(key == kNan ? kMagnitude : code);
  }
  static Signed combine(Signed a, Signed b) {
    if constexpr (op == Op::max) return a < b ? b : a;
    return b < a ? b : a;
  }
  static Signed divide(Signed value, int) { return value; }
};

/// Any address will do, and elements may be stored over any other type.
template <typename T>
struct [[gnu::packed, gnu::may_alias]] Unaligned {
  T value;
};

template <typename Policy>
struct Walk {
  using Wire = Unaligned<typename Policy::Wire>;
  using Accumulator = typename Policy::Accumulator;
  /// Elements of a block: its accumulators take 4 KiB, an eighth of a small L1.
  static constexpr std::size_t kBlock = 4096 / sizeof(Accumulator);

  static const Wire* source(const void* const* sources, int index, std::size_t offset) {
    return static_cast<const Wire*>(sources[index]) + offset;
  }

  // The destination may be the source itself: element i is read before element i is written, and by no other
  // iteration, so the loops below carry no dependence.
  static void two(Wire* to, const Wire* a, const Wire* b, std::size_t count) {
    STRETTO_NO_LOOP_DEPENDENCE
    for (std::size_t i = 0; i < count; ++i) {
      to[i].value = Policy::store(Policy::combine(Policy::load(a[i].value), Policy::load(b[i].value)));
    }
  }

  static void accumulate(Accumulator* sums, const Wire* a, const Wire* b, std::size_t count) {
    STRETTO_NO_LOOP_DEPENDENCE
    for (std::size_t i = 0; i < count; ++i) {
      sums[i] = Policy::combine(Policy::combine(sums[i], Policy::load(a[i].value)), Policy::load(b[i].value));
    }
  }

  static void begin(Accumulator* sums, const Wire* a, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) sums[i] = Policy::load(a[i].value);
  }

  static void end(Wire* to, const Accumulator* sums, std::size_t count, int divisor) {
    if (divisor == 1) {
      STRETTO_NO_LOOP_DEPENDENCE
      for (std::size_t i = 0; i < count; ++i) to[i].value = Policy::store(sums[i]);
    } else {
      STRETTO_NO_LOOP_DEPENDENCE
      for (std::size_t i = 0; i < count; ++i) to[i].value = Policy::store(Policy::divide(sums[i], divisor));
    }
  }

  /// One block of all sources at a time; nothing of the destination is written before all of its block was read.
  static void blocks(Wire* to, const void* const* sources, int n_sources, std::size_t count, int divisor) {
    Accumulator sums[kBlock];
    for (std::size_t offset = 0; offset < count; offset += kBlock) {
      const std::size_t length = count - offset < kBlock ? count - offset : kBlock;
      begin(sums, source(sources, 0, offset), length);
      int next = 1;
      for (; next + 1 < n_sources; next += 2) {
        accumulate(sums, source(sources, next, offset), source(sources, next + 1, offset), length);
      }
      if (next < n_sources) {
        const Wire* last = source(sources, next, offset);
        STRETTO_NO_LOOP_DEPENDENCE
        for (std::size_t i = 0; i < length; ++i) sums[i] = Policy::combine(sums[i], Policy::load(last[i].value));
      }
      end(to + offset, sums, length, divisor);
    }
  }
};

template <typename Policy>
void reduce(void* destination, const void* const* sources, int n_sources, std::size_t count, int divisor) {
  using W = Walk<Policy>;
  auto* to = static_cast<typename W::Wire*>(destination);
  if (n_sources == 1 && divisor == 1) {
    if (destination != sources[0] && count != 0) __builtin_memcpy(to, sources[0], count * sizeof(typename W::Wire));
  } else if (n_sources == 2 && divisor == 1) {
    W::two(to, W::source(sources, 0, 0), W::source(sources, 1, 0), count);
  } else {
    W::blocks(to, sources, n_sources, count, divisor);
  }
}

/// The low end of a word, as an element.
template <typename T>
T element_of(std::uint64_t word) {
  if constexpr (sizeof(T) == 8) return bits_as<T>(word);
  if constexpr (sizeof(T) == 4) return bits_as<T>(static_cast<std::uint32_t>(word));
  if constexpr (sizeof(T) == 2) return bits_as<T>(static_cast<std::uint16_t>(word));
  if constexpr (sizeof(T) == 1) return bits_as<T>(static_cast<std::uint8_t>(word));
}

/// A product with one factor for all. As in Walk, element i is read before it is written, and by no other iteration.
template <typename Policy>
void scale(void* destination, const void* source, std::size_t count, std::uint64_t scalar) {
  using Wire = Unaligned<typename Policy::Wire>;
  const auto factor = Policy::load(element_of<typename Policy::Wire>(scalar));
  auto* to = static_cast<Wire*>(destination);
  const auto* from = static_cast<const Wire*>(source);
  STRETTO_NO_LOOP_DEPENDENCE
  for (std::size_t i = 0; i < count; ++i) {
    to[i].value = Policy::store(Policy::combine(Policy::load(from[i].value), factor));
  }
}
