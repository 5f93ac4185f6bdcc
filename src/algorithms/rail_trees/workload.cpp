#include <algorithm>

#include "algorithms/double_tree.hpp"
#include "algorithms/groups.hpp"
#include "algorithms/rail_trees/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::rail_trees {

/// As of stars within groups: trees of their own are made for the simulator alone, which has its own times.
/// An owner has the members of its group and, in one tree of two, the owners of two other groups below it.
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const Groups groups(spec);
  const auto below = static_cast<std::uint64_t>(groups.largest());  // members but itself, and one other on average
  const Saturating depth = static_cast<std::uint64_t>(DoubleTree(groups.count(), 0).depth()) + 1;
  // Of the channels, as many as one rank owns.
  const auto owned = static_cast<std::uint64_t>((spec.channels + groups.largest() - 1) / groups.largest());
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work sum = Work{below * 2 + 3, 0, chunk * (below + 2)};
  const Work relay = receive + send * (below + 1);
  const Work up = Work{3, 0, chunk * 2};  // of the average rank, which has one other below it
  const Saturating repeats = rounds * channels;
  Workload load;
  load.hops = rounds + depth;
  load.crossing_hops = rounds + depth - 1;
  // Each tree of g groups has g - 1 edges, which an all-reduce takes both ways.
  const auto n_groups = static_cast<std::uint64_t>(groups.count());
  load.crossing_bytes = Saturating(block_bytes) * (n_groups - 1) / n_groups;
  if (spec.collective == Collective::all_reduce) {
    load.hops = rounds + depth * 2;
    load.crossing_hops = rounds + (depth - 1) * 2;
    load.crossing_bytes = load.crossing_bytes * 2;
    load.path = (sum + relay) * (rounds * owned) + (sum + relay) * depth;
    load.rank = (up + send + receive + send) * repeats;
  } else if (spec.collective == Collective::broadcast) {
    load.path = relay * (rounds * owned) + relay * depth;
    load.rank = (receive + send) * repeats;
  } else {
    load.path = sum * (rounds * owned) + sum * depth;
    load.rank = (up + send) * repeats;
  }
  return load;
}

}  // namespace stretto::rail_trees
