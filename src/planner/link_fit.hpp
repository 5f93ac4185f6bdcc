// Fits the constants of the cost model to measured times. Pure and deterministic: the same samples give the same
// constants, whoever measured them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/cost_model.hpp"

namespace stretto {

/// One operation: what the model says it does, and how long it took.
struct LinkSample {
  Workload load;
  std::uint32_t ranks_per_core = 1;
  double time_ps = 0;
};

/// Lowest and highest value of a constant, over fits that each leave out a part of the samples.
struct FitSpread {
  std::uint64_t least = 0;
  std::uint64_t most = 0;
};

struct LinkFit {
  LinkConstants constants;
  /// In the order of link_constant_rows(). What the samples cannot tell keeps the value of `start`, and a spread of
  /// that value alone.
  std::vector<FitSpread> spreads;
  double median_error = 0;  ///< of |predicted / measured - 1|, over the samples
};

/// The constants that come nearest to the samples, in relative errors; outliers count little. `start` gives what the
/// samples say nothing of: crossings, and core_switch where no ranks shared a core.
/// Throws Error(strettoInvalidArgument) for fewer samples than constants, and for times that are not positive.
LinkFit fit_link(std::span<const LinkSample> samples, const LinkConstants& start);

/// A time that is a start and so much per byte, fitted in the same sense.
struct LinePoint {
  std::uint64_t bytes = 0;
  double time_ps = 0;
};

struct Line {
  double start_ps = 0;
  double byte_ps = 0;
};

Line fit_line(std::span<const LinePoint> points);

/// |predicted / measured - 1| of each sample, and their median (of none: 0).
std::vector<double> errors_of(std::span<const LinkSample> samples, const LinkConstants& constants);
double median(std::vector<double> values);

}  // namespace stretto
