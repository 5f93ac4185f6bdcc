#include "algorithms/pairwise/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::pairwise {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
  const Work swap = Work{kSendSteps, chunk, 0} + Work{kReceiveSteps, chunk, 0};
  const Work all = (swap * others + Work{1, chunk, 0}) * (rounds * channels);
  return {rounds * others, all, all};
}

}  // namespace stretto::pairwise
