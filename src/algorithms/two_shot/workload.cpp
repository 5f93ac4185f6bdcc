#include "algorithms/rounds.hpp"
#include "algorithms/two_shot/plan.hpp"

namespace stretto::two_shot {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const Saturating n = static_cast<std::uint64_t>(spec.n_ranks);
  const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  if (spec.collective == Collective::broadcast) {
    // The others follow the root at a distance of one chunk. The root copies as much as they hand on.
    const Work root = (send + Work{1, chunk, 0}) * others;
    const Work other = (send + receive) * others;
    return {rounds + 1, root * (rounds * channels) + receive, other * (rounds * channels)};
  }
  if (spec.collective == Collective::reduce) {
    const Work all = (send * others + Work{others * 2 + 3, 0, chunk * n}) * (rounds * channels);
    const Work root = receive * others * (rounds * channels);
    return {rounds + 1, all + root, all + receive * (rounds * channels)};
  }
  const Work all = (send * (others * 2) + receive * others + Work{others * 2 + 1, 0, chunk * n}) * (rounds * channels);
  return {rounds * 2, all, all};
}

}  // namespace stretto::two_shot
