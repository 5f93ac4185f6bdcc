#include "planner/link_fit.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace stretto {
namespace {

// What of a time is linear in the constants, in the order of `kFields`. How far bytes count as early, or as cached, is
// not: that is tried out.
constexpr std::size_t kUnknowns = 8;
using Row = std::array<double, kUnknowns>;
constexpr std::array<std::uint64_t LinkConstants::*, kUnknowns> kFields = {&LinkConstants::operation,
                                                                           &LinkConstants::message,
                                                                           &LinkConstants::step,
                                                                           &LinkConstants::early_byte,
                                                                           &LinkConstants::cached_byte_copied,
                                                                           &LinkConstants::byte_copied,
                                                                           &LinkConstants::cached_byte_reduced,
                                                                           &LinkConstants::byte_reduced};

constexpr int kRefinements = 12;
constexpr double kNoise = 0.02;  ///< relative; smaller errors than this count as if they were this
/// Of a constant's place at the start, as if a sample had told it: little beside the samples, enough for what they
/// hardly tell (steps of two ranks, say) not to fall to nothing. It grows with the samples' noise.
constexpr double kPriorWeight = 0.5;
constexpr std::size_t kParts = 8;
constexpr std::array<std::uint64_t, 5> kEarlyBytes = {0, 1 << 13, 1 << 14, 1 << 15, 1 << 16};
constexpr std::uint64_t kLeastCache = 1 << 17;
constexpr std::uint64_t kMostCache = std::uint64_t{1} << 27;

/// What is tried out.
struct Reach {
  std::uint64_t early_bytes;
  std::uint64_t cached_bytes;
};

[[noreturn]] void refuse_time(double time_ps) {
  throw Error(strettoInvalidArgument, format("a measured time is {} ps: it must be positive", time_ps));
}

double number(Saturating value) { return static_cast<double>(value.value()); }

LinkModel model_of(const LinkConstants& constants, std::uint32_t ranks_per_core) {
  LinkModel link;
  static_cast<LinkConstants&>(link) = constants;
  link.ranks_per_core = ranks_per_core;
  return link;
}

/// Which of the path and the cores the model takes depends on the constants: on those of the fit before.
Row row_of(const LinkSample& sample, const LinkConstants& before, const Reach& reach) {
  const Price price = stretto::price(sample.load, model_of(before, sample.ranks_per_core));
  const bool by_path = price.path >= price.core;
  const Work& work = by_path ? sample.load.path : sample.load.rank;
  const double times = by_path ? 1 : sample.ranks_per_core;
  const auto cached = static_cast<double>(reach.cached_bytes);
  const double copied = number(work.copied_bytes);
  const double reduced = number(work.reduced_bytes);
  return {1,
          number(sample.load.hops),
          times * number(work.steps),
          times * std::min(copied + reduced, static_cast<double>(reach.early_bytes)),
          times * std::min(copied, cached),
          times * std::max(copied - cached, 0.0),
          times * std::min(reduced, cached),
          times * std::max(reduced - cached, 0.0)};
}

struct Equations {
  std::vector<Row> rows;  ///< divided by the times: the right-hand sides are all 1
  std::vector<double> weights;
};

/// Their normal equations.
struct Normal {
  std::array<Row, kUnknowns> matrix{};
  Row right{};
};

Normal normal_of(const Equations& equations) {
  Normal normal;
  for (std::size_t s = 0; s < equations.rows.size(); ++s) {
    const Row& row = equations.rows[s];
    for (std::size_t i = 0; i < kUnknowns; ++i) {
      for (std::size_t j = 0; j < kUnknowns; ++j) normal.matrix[i][j] += equations.weights[s] * row[i] * row[j];
      normal.right[i] += equations.weights[s] * row[i];
    }
  }
  return normal;
}

/// Gauss-Jordan on the unknowns of `subset`; false where they cannot be told apart.
bool solve(Normal normal, unsigned subset, Row& solution) {
  std::array<std::size_t, kUnknowns> used{};
  std::size_t n = 0;
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    if ((subset >> i & 1U) != 0) used[n++] = i;
  }
  const std::span<const std::size_t> unknowns(used.data(), n);
  Row scale{};  // columns differ by many orders of magnitude
  for (const std::size_t i : unknowns) {
    if (!(normal.matrix[i][i] > 0)) return false;
    scale[i] = 1 / std::sqrt(normal.matrix[i][i]);
  }
  for (const std::size_t i : unknowns) {
    for (const std::size_t j : unknowns) normal.matrix[i][j] *= scale[i] * scale[j];
    normal.right[i] *= scale[i];
  }
  constexpr double kSingular = 1e-9;
  for (const std::size_t i : unknowns) {
    if (normal.matrix[i][i] < kSingular) return false;
    for (const std::size_t j : unknowns) {
      if (j == i) continue;
      const double factor = normal.matrix[j][i] / normal.matrix[i][i];
      for (const std::size_t k : unknowns) normal.matrix[j][k] -= factor * normal.matrix[i][k];
      normal.right[j] -= factor * normal.right[i];
    }
  }
  solution = {};
  for (const std::size_t i : unknowns) solution[i] = scale[i] * normal.right[i] / normal.matrix[i][i];
  return true;
}

/// But for what does not depend on the solution.
double cost_of(const Normal& normal, const Row& solution) {
  double sum = 0;
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    sum -= 2 * solution[i] * normal.right[i];
    for (std::size_t j = 0; j < kUnknowns; ++j) sum += solution[i] * normal.matrix[i][j] * solution[j];
  }
  return sum;
}

/// Least squares without negative unknowns: with so few, every set of those that are not zero is tried.
Row least_squares(const Normal& normal) {
  Row best{};
  double least = std::numeric_limits<double>::infinity();
  for (unsigned subset = (1U << kUnknowns) - 1; subset > 0; --subset) {
    Row solution{};
    if (!solve(normal, subset, solution)) continue;
    if (std::any_of(solution.begin(), solution.end(), [](double each) { return each < 0; })) continue;
    const double cost = cost_of(normal, solution);
    if (cost >= least) continue;
    least = cost;
    best = solution;
    if (subset == (1U << kUnknowns) - 1) break;  // nothing is better than what no bound holds
  }
  return best;
}

/// Least absolute errors, by least squares with weights: a time that somebody else's work doubled does not bend the
/// rest. Gives the sum of the errors of the first `n_samples` rows; the others are places at the start.
double least_errors(Equations& equations, std::size_t n_samples, Row& solution) {
  equations.weights.assign(equations.rows.size(), 1);
  double sum = 0;
  double prior_weight = kPriorWeight;
  for (int i = 0; i < kRefinements; ++i) {
    solution = least_squares(normal_of(equations));
    sum = 0;
    for (std::size_t s = 0; s < equations.rows.size(); ++s) {
      double error = -1;
      for (std::size_t j = 0; j < kUnknowns; ++j) error += equations.rows[s][j] * solution[j];
      equations.weights[s] = s < n_samples ? 1 / std::max(std::abs(error), kNoise) : prior_weight;
      if (s < n_samples) sum += std::abs(error);
    }
    prior_weight = kPriorWeight * std::max(1.0, sum / static_cast<double>(n_samples) / kNoise);
  }
  return sum;
}

Equations equations_of(std::span<const LinkSample> samples, const LinkConstants& before, const LinkConstants& start,
                       const Reach& reach) {
  Equations equations;
  for (const LinkSample& sample : samples) {
    Row row = row_of(sample, before, reach);
    for (double& each : row) each /= sample.time_ps;
    equations.rows.push_back(row);
  }
  for (std::size_t i = 0; i < kUnknowns; ++i) {
    if (start.*kFields[i] == 0) continue;
    Row place{};
    place[i] = 1 / static_cast<double>(start.*kFields[i]);
    equations.rows.push_back(place);
  }
  return equations;
}

std::uint64_t rounded(double value, std::uint64_t most) {
  return static_cast<std::uint64_t>(std::clamp(std::round(value), 0.0, static_cast<double>(most)));
}

const LinkConstantRow& constant_row(std::uint64_t LinkConstants::*field) {
  const auto rows = link_constant_rows();
  return *std::find_if(rows.begin(), rows.end(), [&](const LinkConstantRow& each) { return each.field == field; });
}

std::vector<Reach> all_reaches() {
  std::vector<Reach> reaches;
  for (const std::uint64_t early : kEarlyBytes) {
    for (std::uint64_t cached = kLeastCache; cached <= kMostCache; cached *= 2) reaches.push_back({early, cached});
  }
  return reaches;
}

/// Of ranks with a core for each: the best of the reaches.
LinkConstants fit_own_cores(std::span<const LinkSample> samples, const LinkConstants& start,
                            std::span<const Reach> reaches) {
  LinkConstants best = start;
  for (int again = 0; again < 2; ++again) {
    const LinkConstants before = best;
    double least = std::numeric_limits<double>::infinity();
    for (const Reach& reach : reaches) {
      Equations equations = equations_of(samples, before, start, reach);
      Row solution{};
      const double errors = least_errors(equations, samples.size(), solution);
      if (errors >= least) continue;
      least = errors;
      best.early_bytes = reach.early_bytes;
      best.cached_bytes = reach.cached_bytes;
      for (std::size_t i = 0; i < kUnknowns; ++i) {
        best.*kFields[i] = rounded(solution[i], constant_row(kFields[i]).most);
      }
    }
  }
  return best;
}

/// What is left of the times of ranks that share a core, by how often they wait for each other.
void fit_core_switch(std::span<const LinkSample> samples, LinkConstants& constants) {
  LinkConstants without = constants;
  without.core_switch = 0;
  std::vector<double> each;
  for (const LinkSample& sample : samples) {
    const double waits = number(sample.load.hops) * (sample.ranks_per_core - 1.0);
    if (waits <= 0) continue;
    const auto known = static_cast<double>(price(sample.load, model_of(without, sample.ranks_per_core)).total());
    each.push_back((sample.time_ps - known) / waits);
  }
  if (each.empty()) return;
  constants.core_switch = rounded(median(each), constant_row(&LinkConstants::core_switch).most);
}

LinkConstants fit(std::span<const LinkSample> own_cores, std::span<const LinkSample> shared_cores,
                  const LinkConstants& start, std::span<const Reach> reaches) {
  LinkConstants constants = fit_own_cores(own_cores, start, reaches);
  fit_core_switch(shared_cores, constants);
  return constants;
}

/// All but every kParts-th.
std::vector<LinkSample> without_part(std::span<const LinkSample> samples, std::size_t part) {
  std::vector<LinkSample> left;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    if (i % kParts != part) left.push_back(samples[i]);
  }
  return left;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 != 0) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

std::vector<double> errors_of(std::span<const LinkSample> samples, const LinkConstants& constants) {
  std::vector<double> errors;
  for (const LinkSample& sample : samples) {
    const Price price = stretto::price(sample.load, model_of(constants, sample.ranks_per_core));
    errors.push_back(std::abs(static_cast<double>(price.total()) / sample.time_ps - 1));
  }
  return errors;
}

Line fit_line(std::span<const LinePoint> points) {
  constexpr std::size_t kStart = 0;
  constexpr std::size_t kBytes = 5;
  static_assert(kFields[kStart] == &LinkConstants::operation && kFields[kBytes] == &LinkConstants::byte_copied);
  Equations equations;
  for (const LinePoint& each : points) {
    if (!(each.time_ps > 0) || !std::isfinite(each.time_ps)) refuse_time(each.time_ps);
    Row row{};
    row[kStart] = 1 / each.time_ps;
    row[kBytes] = static_cast<double>(each.bytes) / each.time_ps;
    equations.rows.push_back(row);
  }
  Row solution{};
  least_errors(equations, points.size(), solution);
  return {solution[kStart], solution[kBytes]};
}

LinkFit fit_link(std::span<const LinkSample> samples, const LinkConstants& start) {
  std::vector<LinkSample> own_cores;
  std::vector<LinkSample> shared_cores;
  for (const LinkSample& sample : samples) {
    if (!(sample.time_ps > 0) || !std::isfinite(sample.time_ps)) {
      refuse_time(sample.time_ps);
    }
    (sample.ranks_per_core > 1 ? shared_cores : own_cores).push_back(sample);
  }
  if (own_cores.size() < kUnknowns + 1) {
    throw Error(strettoInvalidArgument, format("{} samples of ranks with a core each: {} at least are needed to fit",
                                               own_cores.size(), kUnknowns + 1));
  }
  LinkFit result;
  result.constants = fit(own_cores, shared_cores, start, all_reaches());
  const std::array same_reach = {Reach{result.constants.early_bytes, result.constants.cached_bytes}};
  for (const LinkConstantRow& row : link_constant_rows()) {
    result.spreads.push_back({result.constants.*row.field, result.constants.*row.field});
  }
  for (std::size_t part = 0; part < kParts; ++part) {
    const std::vector<LinkSample> own = without_part(own_cores, part);
    if (own.size() < kUnknowns + 1) break;
    const LinkConstants constants = fit(own, without_part(shared_cores, part), start, same_reach);
    for (std::size_t i = 0; i < result.spreads.size(); ++i) {
      const std::uint64_t value = constants.*link_constant_rows()[i].field;
      result.spreads[i].least = std::min(result.spreads[i].least, value);
      result.spreads[i].most = std::max(result.spreads[i].most, value);
    }
  }
  result.median_error = median(errors_of(samples, result.constants));
  return result;
}

}  // namespace stretto
