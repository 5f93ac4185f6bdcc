// The host's reduction kernels: how the operands are walked. What is computed: base/arithmetic/policies.inc.hpp.
// Included once by each variant's translation unit, inside its anonymous namespace; see formats.inc.hpp for why.

#if defined(__clang__)
#define STRETTO_NO_LOOP_DEPENDENCE _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRETTO_NO_LOOP_DEPENDENCE _Pragma("GCC ivdep")
#endif

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
