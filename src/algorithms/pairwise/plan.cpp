#include "algorithms/pairwise/plan.hpp"

#include <utility>

#include "algorithms/strand_builder.hpp"

namespace stretto::pairwise {

bool supports(Collective collective) { return collective == Collective::all_to_all; }

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const int n = spec.n_ranks;
  const auto block = [n](Rank from, Rank to) { return from * n + to; };
  Program program;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    strand.copy(block(rank, rank), output(block(rank, rank)), input(block(rank, rank)));
    for (int step = 1; step < n; ++step) {
      const Rank to = rotate(rank, step, n);
      const Rank from = rotate(rank, -step, n);
      strand.send(to, block(rank, to), input(block(rank, to)));
      strand.receive(from, block(from, rank), output(block(from, rank)));
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::pairwise
