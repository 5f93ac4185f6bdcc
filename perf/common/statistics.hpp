// Statistics of samples. Pure.
#pragma once

#include <vector>

namespace stretto::perf {

/// The value below which `fraction` of the samples lie (nearest rank); 0 of none.
double percentile(std::vector<double> samples, double fraction);
inline double median(const std::vector<double>& samples) { return percentile(samples, 0.5); }

/// A ratio with an interval that holds it in 95 of 100 runs.
struct RatioInterval {
  double ratio = 0;
  double low = 0;
  double high = 0;
};

/// Of numerators to denominators that were measured in pairs, side by side: the geometric mean of the pairs' ratios and
/// Student's t interval over their logarithms. All zeros for fewer than two pairs, or if a sample is not positive.
RatioInterval paired_ratio(const std::vector<double>& numerators, const std::vector<double>& denominators);

/// The 97.5th percentile of Student's t distribution with `freedom` >= 1 degrees of freedom.
double student_t_975(int freedom);

}  // namespace stretto::perf
