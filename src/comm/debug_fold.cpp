#include "comm/debug_fold.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace stretto {
namespace {

/// `at` gives the i-th value. Sums and products wrap: the low bits of 64 are those of the type.
template <typename T, typename At>
std::uint64_t fold(strettoRedOp_t op, std::size_t count, const At& at) {
  using Bits = std::make_unsigned_t<T>;
  if (count == 0) return 0;
  if (op == strettoMin || op == strettoMax) {
    T best = at(0);
    for (std::size_t i = 1; i < count; ++i) best = op == strettoMin ? std::min(best, at(i)) : std::max(best, at(i));
    return static_cast<Bits>(best);
  }
  std::uint64_t total = op == strettoSum ? 0 : 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t value = static_cast<Bits>(at(i));
    total = op == strettoSum ? total + value : total * value;
  }
  return static_cast<Bits>(total);
}

template <typename T>
std::uint64_t fold_memory(strettoRedOp_t op, const void* elements, std::size_t count) {
  const auto* from = static_cast<const std::byte*>(elements);
  return fold<T>(op, count, [&](std::size_t i) {
    T value;  // user memory has any alignment
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    return value;
  });
}

template <typename T>
std::uint64_t fold_words(strettoRedOp_t op, std::span<const std::uint64_t> words) {
  return fold<T>(op, words.size(), [&](std::size_t i) { return static_cast<T>(words[i]); });
}

/// `by_type` is called with a value of the type.
template <typename ByType>
std::uint64_t dispatch(strettoDataType_t type, const ByType& by_type) {
  switch (type) {
    case strettoInt8:
      return by_type(std::int8_t{});
    case strettoUint8:
      return by_type(std::uint8_t{});
    case strettoInt32:
      return by_type(std::int32_t{});
    case strettoUint32:
      return by_type(std::uint32_t{});
    case strettoInt64:
      return by_type(std::int64_t{});
    case strettoUint64:
      return by_type(std::uint64_t{});
    default:
      return 0;
  }
}

}  // namespace

bool can_fold(strettoDataType_t type, strettoRedOp_t op) noexcept {
  const bool exact = op == strettoSum || op == strettoProd || op == strettoMin || op == strettoMax;
  return exact && dispatch(type, [](auto) { return std::uint64_t{1}; }) != 0;
}

std::uint64_t fold_elements(strettoDataType_t type, strettoRedOp_t op, const void* elements,
                            std::size_t count) noexcept {
  return dispatch(type, [&](auto value) { return fold_memory<decltype(value)>(op, elements, count); });
}

std::uint64_t fold_again(strettoDataType_t type, strettoRedOp_t op, std::span<const std::uint64_t> folded) noexcept {
  return dispatch(type, [&](auto value) { return fold_words<decltype(value)>(op, folded); });
}

}  // namespace stretto
