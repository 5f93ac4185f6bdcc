#include "algorithms/recursive_doubling/plan.hpp"

#include <utility>

#include "algorithms/core_ranks.hpp"
#include "algorithms/strand_builder.hpp"

namespace stretto::recursive_doubling {
namespace {

/// Partial sums are made in scratch memory, since the partner of the first swap may still read this rank's input
/// through an alias. The last one goes straight to the output if that partner is known to be done by then.
void swap(StrandBuilder& strand, const CoreRanks& core, Rank rank, Ref partial) {
  const int place = core.place(rank);
  const bool folded = core.stands_for_two(rank);
  Ref mine = input(0);
  if (folded) {
    std::vector<Ref> sources = {input(0), slot(rank + 1)};
    strand.reduce(0, partial, std::move(sources));
    mine = partial;
  }
  for (int bit = 1; bit < core.size; bit *= 2) {
    const Rank partner = core.rank(place ^ bit);
    const bool last = bit * 2 == core.size;
    const bool direct = last && (bit > 1 || folded);
    strand.send(partner, 0, mine);
    // Of the sums before, only the first was read in place: from the input.
    if (direct && !folded) strand.drain_of(core.rank(place ^ 1));
    std::vector<Ref> sources = {mine, slot(partner)};
    if ((place & bit) != 0) std::swap(sources[0], sources[1]);
    if (last) {
      strand.reduce_complete(0, direct ? output(0) : partial, std::move(sources));
    } else {
      strand.reduce(0, partial, std::move(sources));
    }
    if (last && !direct) {
      strand.drain();
      strand.copy(0, output(0), partial);
    }
    mine = partial;
  }
  if (folded) strand.send(rank + 1, 0, output(0));
}

}  // namespace

bool supports(Collective collective) { return collective == Collective::all_reduce; }

std::int32_t chunks_per_block(const PlanSpec&) { return 1; }

Program build(const PlanSpec& spec, Rank rank) {
  if (spec.n_ranks == 1) return lone_rank_program(spec, chunks_per_block(spec));
  const CoreRanks core(spec.n_ranks);
  Program program;
  program.scratch_chunks = spec.channels;
  for (int channel = 0; channel < spec.channels; ++channel) {
    StrandBuilder strand(channel);
    if (core.is_outside(rank)) {
      strand.send(rank - 1, 0, input(0));
      strand.receive(rank - 1, 0, output(0));
    } else {
      swap(strand, core, rank, scratch(channel));
    }
    program.strands.push_back(std::move(strand).finish());
  }
  return program;
}

}  // namespace stretto::recursive_doubling
