#include "perf/accuracy/floats.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>

#include "perf/common/types.hpp"

namespace stretto::perf {

Floats::Floats(strettoDataType_t type)
    : bytes_(row_of(type).bytes),
      mantissa_bits_(row_of(type).mantissa_bits),
      exponent_bits_(static_cast<int>(8 * bytes_) - 1 - mantissa_bits_),
      bias_((1 << (exponent_bits_ - 1)) - 1),
      has_infinity_(type != strettoFloat8e4m3) {
  if (row_of(type).kind != Kind::floating || bytes_ > 4) throw std::invalid_argument("no float of up to 32 bits");
}

double Floats::value(std::uint32_t code) const noexcept {
  const std::uint32_t mantissa = code & ((1U << mantissa_bits_) - 1);
  const std::uint32_t largest = (1U << exponent_bits_) - 1;
  const std::uint32_t exponent = (code >> mantissa_bits_) & largest;
  const bool negative = code >> (8 * bytes_ - 1) != 0;
  double magnitude = 0;
  if (exponent == largest && has_infinity_) {
    magnitude = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == largest && mantissa == (1U << mantissa_bits_) - 1) {
    magnitude = std::numeric_limits<double>::quiet_NaN();
  } else {
    const std::uint32_t digits = exponent == 0 ? mantissa : mantissa + (1U << mantissa_bits_);
    magnitude = std::ldexp(digits, std::max(static_cast<int>(exponent), 1) - bias_ - mantissa_bits_);
  }
  return negative ? -magnitude : magnitude;
}

std::uint32_t Floats::nearest(double number) const noexcept {
  const double step = ulp(number);
  const auto digits = static_cast<std::uint64_t>(std::nearbyint(std::fabs(number) / step));
  // Of subnormal numbers the exponent is 0 and counts as 1; a sum that carries goes on into the exponent by itself.
  const auto exponent = static_cast<std::uint64_t>(std::ilogb(step) + bias_ + mantissa_bits_ - 1);
  const std::uint64_t magnitude = (exponent << mantissa_bits_) + digits;
  const std::uint32_t sign = std::signbit(number) ? 1U << (8 * bytes_ - 1) : 0U;
  return static_cast<std::uint32_t>(magnitude) | sign;
}

double Floats::ulp(double number) const noexcept {
  const int least = 1 - bias_;
  const int exponent = number == 0 ? least : std::max(std::ilogb(number), least);
  return std::ldexp(1.0, exponent - mantissa_bits_);
}

std::uint32_t Floats::load(const unsigned char* from) const noexcept {
  std::uint32_t code = 0;
  std::memcpy(&code, from, bytes_);
  return code;
}

void Floats::store(unsigned char* to, std::uint32_t code) const noexcept { std::memcpy(to, &code, bytes_); }

}  // namespace stretto::perf
