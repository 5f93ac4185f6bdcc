#include <algorithm>

#include "algorithms/bruck/plan.hpp"
#include "algorithms/rounds.hpp"

namespace stretto::bruck {

Workload workload(const PlanSpec& spec, std::uint64_t block_bytes, const LinkModel& link) {
  if (spec.n_ranks == 1) return lone_rank_workload(spec, block_bytes);
  const auto [rounds, chunk, channels] =
      rounds_of(spec, chunks_per_block(spec), block_bytes, link, parts_per_slot(spec));
  const auto n = static_cast<unsigned>(spec.n_ranks);
  const bool pairs = spec.collective == Collective::all_to_all;
  std::uint64_t chunks = 0;    // that a rank sends, and that it receives
  std::uint64_t messages = 0;  // each of which waits for the peer's before
  for (unsigned distance = 1; distance < n; distance *= 2) {
    std::uint64_t count = std::min(distance, n - distance);
    if (pairs) {
      count = 0;
      for (unsigned d = distance; d < n; ++d) count += (d & distance) != 0 ? 1 : 0;
    }
    chunks += count;
    messages += (count + kMostPartsPerSlot - 1) / kMostPartsPerSlot;
  }
  const Saturating hops = messages;
  // wait_credit, signal, wait, release; and for each chunk a put and a get. The own chunk is copied.
  Work round = Work{4, 0, 0} * hops + Work{2, chunk * 2, 0} * chunks + Work{1, chunk, 0};
  if (spec.collective == Collective::reduce_scatter) {
    round = Work{4, 0, 0} * hops + Work{2, chunk, chunk * 2} * chunks;
  }
  const Work all = round * (rounds * channels);
  return {rounds * hops, all, all};
}

}  // namespace stretto::bruck
