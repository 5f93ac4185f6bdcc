#include "algorithms/ring/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::ring {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] = rounds_of(spec, chunks_per_block(spec), block_bytes, link);
  const auto n = static_cast<std::uint64_t>(spec.n_ranks);
  // All ranks work at once, so the path is the work of one; a hop lies before every chunk that comes in.
  const Work send{kSendSteps, chunk, 0};
  const Work receive{kReceiveSteps, chunk, 0};
  const Work reduce{5, 0, chunk * 2};
  const Work scatter = send + reduce * (n - 1);
  const Work gather = send + (send + receive) * (n - 1);
  Workload load;
  switch (spec.collective) {
    case Collective::all_reduce:
      load = {rounds * 2 * (n - 1), {}, (scatter + gather) * rounds * channels};
      break;
    case Collective::all_gather:
      load = {rounds * (n - 1), {}, gather * rounds * channels};
      break;
    case Collective::reduce_scatter:
      load = {rounds * (n - 1), {}, scatter * rounds * channels};
      break;
    case Collective::broadcast: {
      // The first chunk passes all ranks one after the other; the other rounds follow in its wake.
      const Work stage = send + receive;
      load = {rounds + (n - 2), stage * (rounds * channels + (n - 2)), stage * rounds * channels};
      return load;
    }
    case Collective::reduce:
      load = {rounds + (n - 2), reduce * (rounds * channels + (n - 2)), reduce * rounds * channels};
      return load;
    default:
      break;  // not supported
  }
  load.path = load.rank;
  return load;
}

}  // namespace stretto::ring
