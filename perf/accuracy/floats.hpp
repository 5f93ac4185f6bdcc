// The floating types as numbers: what a code is, the code next to a number, and the distance of neighbours there. From
// the formats' definition; the tools know the library by its public header alone.
#pragma once

#include <cstdint>

#include "stretto/stretto.h"

namespace stretto::perf {

class Floats {
 public:
  /// Throws std::invalid_argument for a type whose codes are no floats of up to 32 bits.
  explicit Floats(strettoDataType_t type);

  std::size_t bytes() const noexcept { return bytes_; }
  double value(std::uint32_t code) const noexcept;
  /// To nearest, ties to even. `number` is finite, and the type has numbers as large.
  std::uint32_t nearest(double number) const noexcept;
  /// Between the numbers of the type at |number|: the unit in the last place.
  double ulp(double number) const noexcept;

  std::uint32_t load(const unsigned char* from) const noexcept;
  void store(unsigned char* to, std::uint32_t code) const noexcept;

 private:
  std::size_t bytes_;
  int mantissa_bits_;
  int exponent_bits_;
  int bias_;
  bool has_infinity_;
};

}  // namespace stretto::perf
