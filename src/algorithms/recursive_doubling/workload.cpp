#include <bit>

#include "algorithms/recursive_doubling/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::recursive_doubling {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const auto n = static_cast<unsigned>(spec.n_ranks);
  const Saturating swaps = static_cast<std::uint64_t>(std::bit_width(n) - 1);
  const bool folds = !std::has_single_bit(n);
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work sum{kReceiveSteps, 0, chunk * 2};
  Work round = (send + sum) * swaps;
  // Those outside wait for their neighbours, who work for both.
  if (folds) round = round + sum + send;
  // A lone swap is summed in scratch memory: wait_drain, copy.
  if (n < 4) round = round + Work{2, chunk, 0};
  const Work all = round * (rounds * channels);
  const Saturating hops = rounds * (swaps + (folds ? 2 : 0));
  return {hops, folds ? all + send + receive : all, all};
}

}  // namespace stretto::recursive_doubling
