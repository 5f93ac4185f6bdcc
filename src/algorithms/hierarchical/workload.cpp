#include "algorithms/groups.hpp"
#include "algorithms/hierarchical/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::hierarchical {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const Groups groups(spec);
  const auto n_groups = static_cast<std::uint64_t>(groups.count());
  const Saturating others = static_cast<std::uint64_t>(groups.largest()) - 1;
  const Saturating repeats = rounds * channels;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work sum_within{others * 2 + 1, 0, chunk * (others + 1)};
  Workload load;
  load.crossing_hops = rounds;
  load.crossing_bytes = Saturating(block_bytes) * (n_groups - 1);
  if (spec.collective == Collective::all_reduce) {
    const Work within = send * others + sum_within;
    const Work between = send * (n_groups - 1) + Work{n_groups * 2 - 1, 0, chunk * n_groups};
    load.rank = (within + between + (send + receive) * others) * repeats;
    load.path = load.rank;
    load.hops = rounds * 3;
    return load;
  }
  // The root serves its own group and the leaders of the others.
  const Saturating served = others + (n_groups - 1);
  load.hops = rounds + 1;
  load.crossing_hops = 1;
  if (spec.collective == Collective::broadcast) {
    load.path = (send * served + Work{1, chunk, 0}) * repeats + receive + send * others + receive;
    load.rank = (send + receive) * repeats;
  } else {
    load.path = Work{served * 2 + 1, 0, chunk * (served + 1)} * repeats + send + sum_within;
    load.rank = (send + Work{2, 0, chunk * 2}) * repeats;
  }
  return load;
}

}  // namespace stretto::hierarchical
