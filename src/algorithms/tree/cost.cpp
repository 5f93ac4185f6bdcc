#include <algorithm>

#include "algorithms/rounds.hpp"
#include "algorithms/tree/double_tree.hpp"
#include "algorithms/tree/plan.hpp"

namespace stretto::tree {

Picoseconds cost(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_cost(spec, block_bytes, link);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const auto n = static_cast<std::uint64_t>(spec.n_ranks);
  const Saturating depth = static_cast<std::uint64_t>(DoubleTree(spec.n_ranks, 0).depth());
  // A rank is interior on every other channel (two children) and a leaf on the rest.
  const Saturating pairs = channels / 2;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work sum{7, 0, chunk * 3};
  const Work relay = receive + send * 2;
  const Saturating repeats = rounds * pairs;
  switch (spec.collective) {
    case Collective::all_reduce: {
      const Work round = sum + relay + send + receive;
      const Work first = (sum + relay) * depth;
      return price({depth * 2 + rounds, first + round * repeats, round * repeats}, link);
    }
    case Collective::broadcast: {
      const Work round = relay + receive;
      return price({depth + rounds, relay * depth + round * repeats, round * repeats}, link);
    }
    case Collective::all_gather: {
      // A block starts when its owner has seen the one before: a walk around the tree.
      const Work all = (relay + receive) * (repeats * n);
      return price({rounds * 2 * (n - 1), relay * (rounds * 2 * (n - 1)) + all, all}, link);
    }
    case Collective::reduce_scatter: {
      const Work all = (sum + send) * (repeats * n);
      return price({depth + rounds * n, sum * depth + all, all}, link);
    }
  }
  return 0;
}

}  // namespace stretto::tree
