// What `stretto tune` prints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "planner/link_fit.hpp"
#include "tuning/gpu_pair.hpp"
#include "tuning/measure.hpp"

namespace stretto::cli {

/// What the planner chooses for a size that was not fitted, and what the model says of it.
struct Prediction {
  Measurement measured;
  double predicted_ps = 0;    ///< by the fitted constants
  double by_defaults_ps = 0;  ///< the same plan by the defaults
  double error() const;
  double error_of_defaults() const;
};

struct TuneReport {
  std::string hardware;
  std::string path;  ///< where the constants were written; "": they were not
  int n_ranks = 0;
  double seconds = 0;
  std::vector<Measurement> measured;
  double usual_to_quiet = 1;  ///< median time by the time that is taken for undisturbed: how busy the machine was
  LinkFit fit;
  std::vector<Prediction> predictions;
  GpuPairReport gpus;
  std::string why_no_gpus;  ///< what went wrong with them
  bool keeps_gpus = false;  ///< what was measured of them predicts better than the defaults, and is written

  /// Medians, in per cent.
  double error_percent() const;
  double error_of_defaults_percent() const;
  /// The same of operations of the two GPUs that were held back.
  double gpu_error_percent(const PairTimes& times) const;
};

std::string tune_to_text(const TuneReport& report);
std::string tune_to_json(const TuneReport& report);

}  // namespace stretto::cli
