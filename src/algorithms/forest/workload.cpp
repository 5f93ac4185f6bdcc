#include "algorithms/forest/plan.hpp"
#include "algorithms/forest/trees.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::forest {

/// Of the average rank: a tree has n - 1 edges.
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
  const Saturating depth = static_cast<std::uint64_t>(Trees(spec).deepest());
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  if (spec.collective == Collective::all_reduce) {
    // One edge up and one down for each rank but the root; rounds follow one another along both ways.
    const Work rank = (send + receive + send + Work{3, 0, chunk * 2}) * (rounds * channels);
    return {rounds + depth * 2, rank, rank};
  }
  if (spec.collective == Collective::broadcast || spec.collective == Collective::reduce) {
    const Work sum = spec.collective == Collective::reduce ? Work{2, 0, chunk * 2} : Work{};
    const Work rank = (send + receive + sum) * (rounds * channels);
    return {rounds + depth, rank, rank};
  }
  const bool sums = spec.collective == Collective::reduce_scatter;
  const Work once =
      send * others + (sums ? Work{others * 2 + 1, 0, chunk * (others + 1)} : Work{1, chunk, 0} + receive * others);
  const Work rank = once * (rounds * channels);
  return {rounds * depth, rank, rank};
}

}  // namespace stretto::forest
