#include "algorithms/groups.hpp"
#include "algorithms/rail_rings/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::rail_rings {

/// All ranks work at once, so the path is the work of one.
Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const Groups groups(spec);
  const auto n_groups = static_cast<std::uint64_t>(groups.count());
  const auto others = static_cast<std::uint64_t>(groups.largest()) - 1;
  // A member of the smallest group may take part in several rings.
  const auto smallest = static_cast<std::uint64_t>(groups.smallest());
  const std::uint64_t rings = (others + smallest) / smallest;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work add = Work{others * 2 + 5, 0, chunk * (others + 2)};
  const Saturating steps = rounds * channels * n_groups;
  Workload load;
  const bool sums = spec.collective != Collective::all_gather;
  const bool gathers = spec.collective != Collective::reduce_scatter;
  if (sums) load.rank = load.rank + (send * others + add * rings) * steps;
  if (gathers) load.rank = load.rank + (receive * others + (receive + send * (others + 1)) * rings) * steps;
  const std::uint64_t passes = (sums ? 1 : 0) + (gathers ? 1 : 0);
  load.path = load.rank;
  load.hops = rounds * n_groups * passes;
  load.crossing_hops = rounds * (n_groups - 1) * passes;
  const std::uint64_t blocks = spec.collective == Collective::all_reduce ? 1 : static_cast<std::uint64_t>(spec.n_ranks);
  load.crossing_bytes = Saturating(block_bytes) * blocks * (n_groups - 1) * passes / n_groups;
  return load;
}

}  // namespace stretto::rail_rings
