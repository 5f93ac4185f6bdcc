#include "algorithms/core_ranks.hpp"
#include "algorithms/halving_doubling/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::halving_doubling {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const CoreRanks core(spec.n_ranks);
  const bool folds = core.extra > 0;
  const Saturating swaps = static_cast<std::uint64_t>(std::bit_width(static_cast<unsigned>(core.size)) - 1);
  // Chunks of all, and of half of the places. A place that stands for two ranks may have two.
  const auto all = static_cast<std::uint64_t>(spec.collective == Collective::all_reduce ? core.size : spec.n_ranks);
  const Saturating half = static_cast<std::uint64_t>(parts_per_slot(spec));
  const Work message{4, 0, 0};  // wait_credit, signal; wait, release
  // Each chunk but the own one is summed once, and what is sent first is copied.
  Work halving = message * swaps + Work{half, chunk * half, 0} + Work{all - 1, 0, chunk * 2 * (all - 1)};
  Work doubling = message * swaps + Work{2 * (all - 1), chunk * 2 * (all - 1), 0};
  Saturating hops = swaps;
  if (folds) {
    halving = halving + message + Work{all, 0, chunk * 2 * all};
    doubling = doubling + message + Work{all, chunk * all, 0};
    hops = hops + 1;
  }
  const bool sums = spec.collective != Collective::all_gather;
  const bool spreads = spec.collective != Collective::reduce_scatter;
  if (!sums) doubling = doubling + Work{1, chunk, 0};  // the own block is copied
  const Work one = halving * (sums ? 1 : 0) + doubling * (spreads ? 1 : 0);
  if (sums && folds) hops = hops + (spreads ? 0 : 1);
  if (!sums && folds) hops = hops + 1;
  const Work rank = one * (rounds * channels);
  return {rounds * (sums && spreads ? hops * 2 : hops), rank, rank};
}

}  // namespace stretto::halving_doubling
