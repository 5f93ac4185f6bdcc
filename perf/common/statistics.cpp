#include "perf/common/statistics.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace stretto::perf {

double percentile(std::vector<double> samples, double fraction) {
  if (samples.empty()) return 0.0;
  std::sort(samples.begin(), samples.end());
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

double student_t_975(int freedom) {
  static constexpr std::array kFew{12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228};
  if (freedom <= static_cast<int>(kFew.size())) return kFew.at(static_cast<std::size_t>(std::max(1, freedom) - 1));
  // The first terms of the expansion about the normal distribution's quantile: right to 0.0002 from here on.
  const double z = 1.959964;
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  const double n = freedom;
  return z + (z3 + z) / (4 * n) + (5 * z5 + 16 * z3 + 3 * z) / (96 * n * n) +
         (3 * z5 * z * z + 19 * z5 + 17 * z3 - 15 * z) / (384 * n * n * n);
}

RatioInterval paired_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators) {
  const std::size_t pairs = std::min(numerators.size(), denominators.size());
  if (pairs < 2) return {};
  std::vector<double> logs;
  double sum = 0;
  for (std::size_t i = 0; i < pairs; ++i) {
    if (!(numerators[i] > 0) || !(denominators[i] > 0)) return {};
    logs.push_back(std::log(numerators[i] / denominators[i]));
    sum += logs.back();
  }
  const auto n = static_cast<double>(pairs);
  const double mean = sum / n;
  double squares = 0;
  for (const double log : logs) squares += (log - mean) * (log - mean);
  const double half = student_t_975(static_cast<int>(pairs) - 1) * std::sqrt(squares / (n - 1) / n);
  return {std::exp(mean), std::exp(mean - half), std::exp(mean + half)};
}

}  // namespace stretto::perf
