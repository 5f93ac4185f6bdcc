// Sum and product of halves with the processor's own conversions (F16C), which round and keep subnormals as
// Format<...> does, whatever MXCSR says. Included by the variants that have F16C, inside their anonymous namespace.

template <Op op>
__m256 combine(__m256 a, __m256 b) {
  return op == Op::sum ? _mm256_add_ps(a, b) : _mm256_mul_ps(a, b);
}

inline __m256 load_halves(const void* source, std::size_t offset) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(static_cast<const char*>(source) + offset)));
}

inline void store_halves(void* destination, std::size_t offset, __m256 value) {
  const __m256 nan = _mm256_castsi256_ps(_mm256_set1_epi32(static_cast<int>(kFloatNan)));
  const __m256 normalised = _mm256_blendv_ps(value, nan, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(static_cast<char*>(destination) + offset),
                   _mm256_cvtps_ph(normalised, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}

template <Op op>
void reduce_halves(void* destination, const void* const* sources, int n_sources, std::size_t count, int divisor) {
  using Generic = Narrow<Half, op>;
  if (n_sources == 1) return reduce<Generic>(destination, sources, n_sources, count, divisor);
  const __m256 divisors = _mm256_set1_ps(static_cast<float>(divisor));
  const std::size_t vector_bytes = count / 8 * 16;
  for (std::size_t offset = 0; offset < vector_bytes; offset += 16) {
    __m256 value = load_halves(sources[0], offset);
    for (int s = 1; s < n_sources; ++s) value = combine<op>(value, load_halves(sources[s], offset));
    if (divisor != 1) value = _mm256_div_ps(value, divisors);
    store_halves(destination, offset, value);
  }
  for (std::size_t i = vector_bytes / 2; i < count; ++i) {
    using Wire = typename Walk<Generic>::Wire;
    float value = Generic::load(Walk<Generic>::source(sources, 0, i)->value);
    for (int s = 1; s < n_sources; ++s) {
      value = Generic::combine(value, Generic::load(Walk<Generic>::source(sources, s, i)->value));
    }
    if (divisor != 1) value = Generic::divide(value, divisor);
    static_cast<Wire*>(destination)[i].value = Generic::store(value);
  }
}

inline void scale_halves(void* destination, const void* source, std::size_t count, std::uint64_t scalar) {
  const __m256 factor = _mm256_set1_ps(Half::decode(static_cast<std::uint16_t>(scalar)));
  const std::size_t vector_bytes = count / 8 * 16;
  for (std::size_t offset = 0; offset < vector_bytes; offset += 16) {
    store_halves(destination, offset, _mm256_mul_ps(load_halves(source, offset), factor));
  }
  scale<Narrow<Half, Op::prod>>(static_cast<char*>(destination) + vector_bytes,
                                static_cast<const char*>(source) + vector_bytes, count % 8, scalar);
}
