// Unsigned numbers that stop at the largest value, and at 0, instead of wrapping: costs of absurdly large operations
// stay ordered.
#pragma once

#include <compare>
#include <cstdint>
#include <limits>

namespace stretto {

class Saturating {
 public:
  // Implicit, because it stands for the number. NOLINTNEXTLINE(google-explicit-constructor)
  constexpr Saturating(std::uint64_t value = 0) : value_(value) {}

  constexpr std::uint64_t value() const { return value_; }

  friend constexpr Saturating operator+(Saturating a, Saturating b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a.value_, b.value_, &sum) ? kMost : sum;
  }
  friend constexpr Saturating operator-(Saturating a, Saturating b) {
    return a.value_ > b.value_ ? a.value_ - b.value_ : 0;
  }
  friend constexpr Saturating operator*(Saturating a, Saturating b) {
    std::uint64_t product = 0;
    return __builtin_mul_overflow(a.value_, b.value_, &product) ? kMost : product;
  }
  /// Rounds up.
  friend constexpr Saturating operator/(Saturating a, Saturating b) {
    return a.value_ / b.value_ + (a.value_ % b.value_ != 0);
  }
  // clang-tidy 14 takes the 0 of a rewritten comparison for a pointer.
  friend constexpr auto operator<=>(Saturating, Saturating) = default;  // NOLINT(modernize-use-nullptr)

 private:
  static constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t value_;
};

}  // namespace stretto
