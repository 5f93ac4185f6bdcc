// Times collectives of host ranks over shared memory, as programs see them: through the public interface, by threads of
// this process, which run the same protocol as processes do.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "planner/link_fit.hpp"

namespace stretto {

struct MeasureOptions {
  int n_ranks = 2;
  std::uint64_t most_bytes = 1 << 24;  ///< of a block
  double seconds = 9;                  ///< about; twice that on a busy machine
};

struct Measurement {
  Collective collective = Collective::all_reduce;
  std::string algorithm;
  std::uint64_t block_bytes = 0;
  bool for_fit = true;
  bool held_back = false;  ///< for predictions to be held against
  LinkSample sample;       ///< the time: of what the machine does when nobody disturbs it
  double usual_ps = 0;     ///< median: well above the sample's time where others use the cores, too
};

/// @param progress gets the part that is done, 0 to 1, every now and then
/// Throws Error(strettoUnsupported) where the ranks would share cores, and what communicators throw.
std::vector<Measurement> measure_host(const MeasureOptions& options, const std::function<void(double)>& progress);

/// The link that such ranks have, but for the constants: slots as the environment says.
LinkModel tuned_link(const LinkConstants& constants, std::uint32_t ranks_per_core);

/// Most channels of a communicator of host ranks.
inline constexpr int kHostChannels = 2;

}  // namespace stretto
