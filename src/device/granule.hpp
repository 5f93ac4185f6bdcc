// A granule: the 8 or 16 bytes that a thread moves at once, and arithmetic on its elements. Each granule of a chunk is
// always the same thread's, so what one instruction writes the next can read without a barrier.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device/portable.hpp"

namespace stretto::device {

template <int size_bytes>
struct alignas(size_bytes) Granule {
  static constexpr int kWords = size_bytes / 8;
  std::uint64_t words[kWords];
};

/// The elements of a granule in their accumulation type.
template <class Policy, int size_bytes>
struct Lanes {
  using Wire = typename Policy::Wire;
  static constexpr int kCount = size_bytes / static_cast<int>(sizeof(Wire));
  static constexpr int kPerWord = 8 / static_cast<int>(sizeof(Wire));
  typename Policy::Accumulator values[kCount];

  STRETTO_DEVICE static Wire element(const Granule<size_bytes>& granule, int lane) {
    const std::uint64_t word = granule.words[lane / kPerWord];
    return element_of<Wire>(word >> (lane % kPerWord * 8 * static_cast<int>(sizeof(Wire))));
  }
  STRETTO_DEVICE void load(const Granule<size_bytes>& granule) {
    STRETTO_UNROLL
    for (int lane = 0; lane < kCount; ++lane) values[lane] = Policy::load(element(granule, lane));
  }
  STRETTO_DEVICE void combine(const Granule<size_bytes>& granule) {
    STRETTO_UNROLL
    for (int lane = 0; lane < kCount; ++lane) {
      values[lane] = Policy::combine(values[lane], Policy::load(element(granule, lane)));
    }
  }
  STRETTO_DEVICE void combine_with(typename Policy::Accumulator value) {
    STRETTO_UNROLL
    for (int lane = 0; lane < kCount; ++lane) values[lane] = Policy::combine(values[lane], value);
  }
  STRETTO_DEVICE void divide(int divisor) {
    STRETTO_UNROLL
    for (int lane = 0; lane < kCount; ++lane) values[lane] = Policy::divide(values[lane], divisor);
  }
  STRETTO_DEVICE Granule<size_bytes> store() const {
    Granule<size_bytes> granule{};
    STRETTO_UNROLL
    for (int lane = 0; lane < kCount; ++lane) {
      granule.words[lane / kPerWord] |= word_of(Policy::store(values[lane]))
                                        << (lane % kPerWord * 8 * static_cast<int>(sizeof(Wire)));
    }
    return granule;
  }

 private:
  template <typename T>
  STRETTO_DEVICE static T element_of(std::uint64_t word) {
    if constexpr (sizeof(T) == 8) return __builtin_bit_cast(T, word);
    if constexpr (sizeof(T) == 4) return __builtin_bit_cast(T, static_cast<std::uint32_t>(word));
    if constexpr (sizeof(T) == 2) return __builtin_bit_cast(T, static_cast<std::uint16_t>(word));
    if constexpr (sizeof(T) == 1) return __builtin_bit_cast(T, static_cast<std::uint8_t>(word));
  }
  template <typename T>
  STRETTO_DEVICE static std::uint64_t word_of(T value) {
    if constexpr (sizeof(T) == 8) return __builtin_bit_cast(std::uint64_t, value);
    if constexpr (sizeof(T) == 4) return __builtin_bit_cast(std::uint32_t, value);
    if constexpr (sizeof(T) == 2) return __builtin_bit_cast(std::uint16_t, value);
    if constexpr (sizeof(T) == 1) return __builtin_bit_cast(std::uint8_t, value);
  }
};

/// Memory of the caller, at any address: whole granules where it is aligned for them, else as its alignment allows.
/// Bytes beyond `n_bytes` are 0.
template <int size_bytes>
STRETTO_DEVICE_RARE Granule<size_bytes> gather_bytes(const std::byte* from, std::uint64_t n_bytes) {
  Granule<size_bytes> granule{};
  const int n = n_bytes < size_bytes ? static_cast<int>(n_bytes) : size_bytes;
  if (reinterpret_cast<std::uintptr_t>(from) % 4 == 0 && n % 4 == 0) {
    for (int i = 0; i < n; i += 4) {
      std::uint32_t part = 0;
      __builtin_memcpy(&part, __builtin_assume_aligned(from + i, 4), 4);
      granule.words[i / 8] |= static_cast<std::uint64_t>(part) << (i % 8 * 8);
    }
    return granule;
  }
  for (int i = 0; i < n; ++i) granule.words[i / 8] |= static_cast<std::uint64_t>(from[i]) << (i % 8 * 8);
  return granule;
}

/// What inputs are multiplied by: an element's bits, or those at `at` now.
template <typename Wire>
STRETTO_DEVICE Granule<8> scalar_of(std::uint64_t bits, const std::byte* at) {
  return at == nullptr ? Granule<8>{{bits}} : gather_bytes<8>(at, sizeof(Wire));
}

template <int size_bytes>
STRETTO_DEVICE_RARE void scatter_bytes(std::byte* to, const Granule<size_bytes>& granule, std::uint64_t n_bytes) {
  const int n = n_bytes < size_bytes ? static_cast<int>(n_bytes) : size_bytes;
  if (reinterpret_cast<std::uintptr_t>(to) % 4 == 0 && n % 4 == 0) {
    for (int i = 0; i < n; i += 4) {
      const auto part = static_cast<std::uint32_t>(granule.words[i / 8] >> (i % 8 * 8));
      __builtin_memcpy(__builtin_assume_aligned(to + i, 4), &part, 4);
    }
    return;
  }
  for (int i = 0; i < n; ++i) to[i] = static_cast<std::byte>(granule.words[i / 8] >> (i % 8 * 8));
}

template <int size_bytes>
STRETTO_DEVICE Granule<size_bytes> load_plain(const std::byte* from, std::uint64_t n_bytes) {
  if (n_bytes >= size_bytes && reinterpret_cast<std::uintptr_t>(from) % size_bytes == 0) {
    Granule<size_bytes> granule;
    __builtin_memcpy(&granule, __builtin_assume_aligned(from, size_bytes), size_bytes);
    return granule;
  }
  return gather_bytes<size_bytes>(from, n_bytes);
}

template <int size_bytes>
STRETTO_DEVICE void store_plain(std::byte* to, const Granule<size_bytes>& granule, std::uint64_t n_bytes) {
  if (n_bytes >= size_bytes && reinterpret_cast<std::uintptr_t>(to) % size_bytes == 0) {
    __builtin_memcpy(__builtin_assume_aligned(to, size_bytes), &granule, size_bytes);
    return;
  }
  scatter_bytes<size_bytes>(to, granule, n_bytes);
}

}  // namespace stretto::device
