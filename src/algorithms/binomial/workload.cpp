#include <bit>

#include "algorithms/binomial/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::binomial {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const Saturating depth = static_cast<std::uint64_t>(std::bit_width(static_cast<unsigned>(spec.n_ranks) - 1));
  // The first chunk passes `depth` ranks one after the other. From then on the root, with a message to or from each of
  // its children, holds up the rest.
  const Saturating repeats = rounds * channels;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  if (spec.collective == Collective::gather || spec.collective == Collective::scatter) {
    // Half of all blocks make the first or last hop, a quarter the one before, ...: the path below the root is put and
    // got about once more. The average rank moves half a block for each step of the tree, in and out.
    const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
    const Work message{4, 0, 0};
    const Work root = (message * depth + Work{1, chunk, 0} * (others + 1)) * repeats;
    const Work below = message * depth + Work{2, chunk * 2, 0} * others;
    const Work average = message + Work{1, chunk, 0} * (depth + 1);
    return {depth + (rounds.value() - 1), root + below, average * repeats};
  }
  if (spec.collective == Collective::broadcast) {
    const Work root = (send * depth + Work{1, chunk, 0}) * repeats;
    return {depth + (rounds.value() - 1), root + receive * depth, (send + receive) * repeats};
  }
  const Work root = Work{depth * 2 + 1, 0, chunk * (depth + 1)} * repeats;
  const Work stage = Work{kSendSteps + 2, 0, chunk * 2};
  return {depth + (rounds.value() - 1), root + stage * depth, (send + Work{2, 0, chunk * 2}) * repeats};
}

}  // namespace stretto::binomial
