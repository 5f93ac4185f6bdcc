#include "algorithms/forest/plan.hpp"
#include "algorithms/forest/trees.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::forest {
namespace {

/// Along trees of one root, which may have more below it than others: then what it does is the path.
Workload rooted_workload(const PlanSpec& spec, const Trees& trees, Saturating rounds, Saturating chunk) {
  const Work send{kSendSteps, chunk, 0};
  const bool sums = spec.collective == Collective::reduce;
  const auto below = [&](Saturating children) {
    return sums ? Work{children * 2 + 1, 0, chunk * (children + 1)} : send * children;
  };
  const Saturating channels = static_cast<std::uint64_t>(spec.channels);
  Work root;
  std::size_t children = 0;
  for (int channel = 0; channel < spec.channels; ++channel) {
    const std::size_t of_channel = trees.children(channel, 0, spec.root).size();
    root = root + below(of_channel);
    children += of_channel;
  }
  const Work each = (sums ? send + below(1) : send + Work{kReceiveSteps, chunk, 0}) * channels;
  const Work& path = children > static_cast<std::size_t>(spec.channels) ? root : each;
  return {rounds + static_cast<std::uint64_t>(trees.deepest()), path * rounds, each * rounds};
}

}  // namespace

/// Of the average rank: a tree has n - 1 edges.
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
  const Trees trees(spec);
  if (row_of(spec.collective).rooted) return rooted_workload(spec, trees, rounds, chunk);
  const Saturating depth = static_cast<std::uint64_t>(trees.deepest());
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  if (spec.collective == Collective::all_reduce) {
    // One edge up and one down for each rank but the root; rounds follow one another along both ways.
    const Work rank = (send + receive + send + Work{3, 0, chunk * 2}) * (rounds * channels);
    return {rounds + depth * 2, rank, rank};
  }
  const bool sums = spec.collective == Collective::reduce_scatter;
  const Work once =
      send * others + (sums ? Work{others * 2 + 1, 0, chunk * (others + 1)} : Work{1, chunk, 0} + receive * others);
  const Work rank = once * (rounds * channels);
  return {rounds * depth, rank, rank};
}

}  // namespace stretto::forest
