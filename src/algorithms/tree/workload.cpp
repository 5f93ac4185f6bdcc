#include <algorithm>

#include "algorithms/double_tree.hpp"
#include "algorithms/rounds.hpp"
#include "algorithms/tree/plan.hpp"

namespace stretto::tree {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
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
      return {depth * 2 + rounds, first + round * repeats, round * repeats};
    }
    case Collective::broadcast: {
      const Work round = relay + receive;
      return {depth + rounds, relay * depth + round * repeats, round * repeats};
    }
    case Collective::reduce: {
      const Work round = sum + send;
      return {depth + rounds, sum * depth + round * repeats, round * repeats};
    }
    case Collective::all_gather: {
      // A block starts when its owner has seen the one before: a walk around the tree.
      const Work all = (relay + receive) * (repeats * n);
      return {rounds * 2 * (n - 1), relay * (rounds * 2 * (n - 1)) + all, all};
    }
    case Collective::reduce_scatter: {
      const Work all = (sum + send) * (repeats * n);
      return {depth + rounds * n, sum * depth + all, all};
    }
    default:
      break;  // not supported
  }
  return {};
}

}  // namespace stretto::tree
