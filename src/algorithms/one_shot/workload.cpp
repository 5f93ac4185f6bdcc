#include "algorithms/one_shot/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::one_shot {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const Saturating n = static_cast<std::uint64_t>(spec.n_ranks);
  const Saturating others = static_cast<std::uint64_t>(spec.n_ranks) - 1;
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work copy{1, chunk, 0};
  const Work reduce_all{others * 2 + 1, 0, chunk * n};
  Work round;
  switch (spec.collective) {
    case Collective::all_reduce:
      round = send * others + reduce_all + (link.sums_in_place ? Work{} : copy);
      break;
    case Collective::all_gather:
      round = (send + receive) * others + copy;
      break;
    case Collective::reduce_scatter:
      round = send * others + reduce_all;
      break;
    case Collective::broadcast: {
      const Work root = send * others + copy;
      const Work average = (send + receive) * (rounds * channels);
      return {1, root * (rounds * channels) + receive, average};
    }
    case Collective::scatter: {
      const Work root = (send * others + copy) * (rounds * channels);
      return {1, root + receive, (send + receive) * (rounds * channels)};
    }
    case Collective::reduce: {
      const Work root = reduce_all * (rounds * channels);
      return {1, send + root, (send + Work{2, 0, chunk}) * (rounds * channels)};
    }
    case Collective::gather: {
      const Work root = (receive * others + copy) * (rounds * channels);
      return {1, send + root, (send + receive) * (rounds * channels)};
    }
    case Collective::all_to_all:
      round = (send + receive) * others + copy;
      break;
    default:
      break;  // has no plans
  }
  const Work all = round * (rounds * channels);
  Workload load{rounds, all, all};
  load.sends = send * others * (rounds * channels);
  return load;
}

}  // namespace stretto::one_shot
