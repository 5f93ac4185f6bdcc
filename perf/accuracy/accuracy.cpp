#include "perf/accuracy/accuracy.hpp"

#include <cmath>
#include <numbers>

namespace stretto::perf {
namespace {

std::uint64_t mixed(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

/// In (0, 1).
double fraction(std::uint64_t random) { return (static_cast<double>(random >> 12) + 0.5) * 0x1p-52; }

constexpr double kLeftOver = 1.0 / 1024;

}  // namespace

/// Normally distributed, by Box and Muller's transform.
double SummedNumbers::drawn(int rank, std::size_t index) const {
  const std::uint64_t place = static_cast<std::uint64_t>(rank) * 0x9E3779B97F4A7C15ULL + index;
  const std::uint64_t first = mixed(mixed(seed_) + place);
  return std::sqrt(-2 * std::log(fraction(first))) * std::cos(2 * std::numbers::pi * fraction(mixed(first + 1)));
}

std::uint32_t SummedNumbers::input(int rank, std::size_t index) const {
  if (numbers_ == Numbers::normal || rank + 1 < n_ranks_) return floats_.nearest(drawn(rank, index));
  double others = 0;
  for (int other = 0; other < rank; ++other) others += floats_.value(input(other, index));
  return floats_.nearest(kLeftOver * drawn(rank, index) - others);
}

void SummedNumbers::fill(unsigned char* to, int rank, std::size_t count) const {
  for (std::size_t i = 0; i < count; ++i) floats_.store(to + i * floats_.bytes(), input(rank, i));
}

Errors errors_of(const SummedNumbers& numbers, const unsigned char* results, std::size_t count) {
  const Floats& floats = numbers.floats();
  Errors errors;
  std::size_t rounded = 0;
  for (std::size_t i = 0; i < count; ++i) {
    double sum = 0;
    double magnitudes = 0;
    double largest = 0;
    for (int rank = 0; rank < numbers.n_ranks(); ++rank) {
      const double value = floats.value(numbers.input(rank, i));
      sum += value;
      magnitudes += std::fabs(value);
      largest = std::fmax(largest, std::fabs(value));
    }
    const double result = floats.value(floats.load(results + i * floats.bytes()));
    if (!std::isfinite(result)) {
      ++errors.not_finite;
      continue;
    }
    const double error = result - sum;
    const double in_ulps = error / floats.ulp(std::fmax(std::fabs(sum), largest));
    const double relative = magnitudes > 0 ? std::fabs(error) / magnitudes : 0;
    errors.max_ulp = std::fmax(errors.max_ulp, std::fabs(in_ulps));
    errors.mean_ulp += std::fabs(in_ulps);
    errors.bias_ulp += in_ulps;
    errors.max_relative = std::fmax(errors.max_relative, relative);
    errors.mean_relative += relative;
    rounded += result == floats.value(floats.nearest(sum)) ? 1 : 0;
  }
  const auto finite = static_cast<double>(count - errors.not_finite);
  if (finite > 0) {
    errors.mean_ulp /= finite;
    errors.bias_ulp /= finite;
    errors.mean_relative /= finite;
    errors.rounded_percent = 100.0 * static_cast<double>(rounded) / finite;
  }
  return errors;
}

}  // namespace stretto::perf
