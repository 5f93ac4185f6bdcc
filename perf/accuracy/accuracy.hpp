// How far sums are from the true ones: inputs, errors, and the forms of the results. Pure: no clocks, no library.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "perf/accuracy/floats.hpp"
#include "perf/common/options.hpp"
#include "perf/common/provenance.hpp"

namespace stretto::perf {

/// What is summed. `normal`: normally distributed numbers of deviation 1. `cancelling`: the last rank's take the sum of
/// all others away, but for a thousandth.
enum class Numbers : std::uint8_t { normal, cancelling };
inline constexpr std::array<std::string_view, 2> kNumbers{"normal", "cancelling"};

/// Inputs are a pure function of (seed, rank, index), rounded to the type.
class SummedNumbers {
 public:
  SummedNumbers(strettoDataType_t type, Numbers numbers, int n_ranks, std::uint64_t seed)
      : floats_(type), numbers_(numbers), n_ranks_(n_ranks), seed_(seed) {}
  const Floats& floats() const noexcept { return floats_; }
  int n_ranks() const noexcept { return n_ranks_; }
  std::uint32_t input(int rank, std::size_t index) const;
  void fill(unsigned char* to, int rank, std::size_t count) const;

 private:
  double drawn(int rank, std::size_t index) const;
  Floats floats_;
  Numbers numbers_;
  int n_ranks_;
  std::uint64_t seed_;
};

/// Of one operation's results. An element's error is its distance from the sum of the inputs in 64 bits. A unit in the
/// last place (ulp) is that of the true sum, or of the largest input where that is larger: a sum near zero, by chance
/// or because its inputs cancel, has one so small that means of it would say nothing.
struct Errors {
  double max_ulp = 0;
  double mean_ulp = 0;           ///< of magnitudes
  double bias_ulp = 0;           ///< the mean with signs: roundings that are fair have none
  double max_relative = 0;       ///< by the sum of the inputs' magnitudes
  double mean_relative = 0;      ///< likewise
  double rounded_percent = 0;    ///< that are the number of the type next to the true sum
  std::uint64_t not_finite = 0;  ///< in none of the others
};
Errors errors_of(const SummedNumbers& numbers, const unsigned char* results, std::size_t count);

struct AccuracyRow {
  strettoDataType_t type = strettoFloat32;
  Numbers numbers = Numbers::normal;
  std::string library;
  std::optional<Errors> errors{};  ///< none: the library does not serve the type
  bool ranks_agree = true;         ///< bit for bit
  bool runs_agree = true;
};

struct AccuracyOptions {
  std::size_t elements = std::size_t{1} << 20;
  int runs = 5;
  std::uint64_t seed = 20261126;
  std::vector<strettoDataType_t> types;
  Options common;  ///< ranks, devices, library to compare with
};

struct AccuracyInfo {
  int n_ranks = 0;
  std::string version;
  std::vector<std::string> gpus{};  ///< names of those of this process' first thread
  std::string rival{};
  std::string rival_path{};
};

std::string format_accuracy_header(const AccuracyInfo& info, const AccuracyOptions& options);
std::string format_accuracy_row(const AccuracyRow& row);
std::string accuracy_json(const AccuracyInfo& info, const AccuracyOptions& options, const Provenance& from,
                          const std::vector<AccuracyRow>& rows);

}  // namespace stretto::perf
